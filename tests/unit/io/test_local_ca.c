/* The local authority: made once, used again, made anew when it is damaged; what OpenSSL thinks of
 * it is tested with the venue's server. */
#include "core/error.h"
#include "io/net/local_ca.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], inside[80];

static void make_directory(void)
{
    snprintf(directory, sizeof directory, "/tmp/ats-ca-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
    snprintf(inside, sizeof inside, "%s/tls", directory);
}

static void remove_directory(void)
{
    static const char *const NAMES[] = {"/ca.pem", "/server.pem", "/server.key"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", inside, NAMES[i]);
        unlink(path);
    }
    rmdir(inside);
    rmdir(directory);
}

TestSuite(local_ca, .init = make_directory, .fini = remove_directory);

static X509 *certificate(const char *path)
{
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    X509 *x = PEM_read_X509(f, NULL, NULL, NULL);
    fclose(f);
    cr_assert_not_null(x);
    return x;
}

Test(local_ca, the_certificate_is_the_authoritys_and_localhosts)
{
    ats_local_ca ca;
    cr_assert_eq(ats_local_ca_open(&ca, inside), 0, "%s", ats_error_line(0));
    X509 *root = certificate(ca.ca_file), *leaf = certificate(ca.certificate_file);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_add_cert(store, root);
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf, NULL);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
    cr_assert_eq(X509_verify_cert(context), 1, "%s",
                 X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    cr_assert_eq(X509_check_host(leaf, "localhost", 0, 0, NULL), 1);
    cr_assert_eq(X509_check_ip_asc(leaf, "127.0.0.1", 0), 1);
    cr_assert_eq(X509_check_ip_asc(leaf, "::1", 0), 1);
    cr_assert_eq(X509_check_host(leaf, "example.org", 0, 0, NULL), 0);
    cr_assert_eq(X509_check_ca(leaf), 0);
    struct stat s;
    cr_assert_eq(stat(ca.key_file, &s), 0);
    cr_assert_eq(s.st_mode & 0777, 0600, "the key is its owner's alone");
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    X509_free(leaf);
    X509_free(root);
}

Test(local_ca, it_is_used_again_and_made_anew_when_damaged)
{
    ats_local_ca ca;
    cr_assert_eq(ats_local_ca_open(&ca, inside), 0);
    X509 *first = certificate(ca.certificate_file);
    cr_assert_eq(ats_local_ca_open(&ca, inside), 0);
    X509 *second = certificate(ca.certificate_file);
    cr_assert_eq(X509_cmp(first, second), 0);
    FILE *f = fopen(ca.certificate_file, "w");
    fputs("torn", f);
    fclose(f);
    cr_assert_eq(ats_local_ca_open(&ca, inside), 0);
    X509 *third = certificate(ca.certificate_file);
    cr_assert_neq(X509_cmp(first, third), 0);
    X509_free(first);
    X509_free(second);
    X509_free(third);
}

Test(local_ca, a_place_that_cannot_be_written_is_named)
{
    ats_local_ca ca;
    cr_assert_eq(ats_local_ca_open(&ca, "/proc/none"), -1);
    cr_assert(strstr(ats_error_line(0), "/proc/none"), "%s", ats_error_line(0));
}
