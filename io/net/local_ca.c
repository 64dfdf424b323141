#include "io/net/local_ca.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_S  86400l
#define DAYS   30
#define NAMES  "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1"
#define SERIAL 16

/* ---- is what is there still good? ----------------------------------------------------------- */

static bool is_readable(const char *path)
{
    return access(path, R_OK) == 0;
}

static bool is_good(const ats_local_ca *ca)
{
    if (!is_readable(ca->ca_file) || !is_readable(ca->key_file))
        return false;
    FILE *f = fopen(ca->certificate_file, "re");
    X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    time_t tomorrow = time(NULL) + DAY_S;
    bool good = x && X509_cmp_time(X509_get0_notAfter(x), &tomorrow) > 0;
    X509_free(x);
    if (f)
        fclose(f);
    return good;
}

/* ---- making --------------------------------------------------------------------------------- */

static bool add_extension(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, x, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = e && X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    return added;
}

static bool name_it(X509_NAME *name, const char *common)
{
    return X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const unsigned char *)"ATS venue",
                                      -1, -1, 0) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common, -1,
                                      -1, 0);
}

static bool number_it(X509 *x)
{
    unsigned char serial[SERIAL];
    if (RAND_bytes(serial, sizeof serial) != 1)
        return false;
    serial[0] &= 0x7f;
    BIGNUM *n = BN_bin2bn(serial, sizeof serial, NULL);
    bool numbered = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));
    BN_free(n);
    return numbered;
}

/* Signed by the issuer's key; an issuer of NULL: by itself, as an authority. */
static X509 *make_certificate(EVP_PKEY *key, const char *common, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *x = X509_new();
    bool made = x && X509_set_version(x, 2) && number_it(x) &&
                X509_gmtime_adj(X509_getm_notBefore(x), -DAY_S) &&
                X509_gmtime_adj(X509_getm_notAfter(x), DAYS * DAY_S) && X509_set_pubkey(x, key) &&
                name_it(X509_get_subject_name(x), common);
    X509 *by = issuer ? issuer : x;
    made = made && X509_set_issuer_name(x, X509_get_subject_name(by)) &&
           add_extension(x, by, NID_subject_key_identifier, "hash") &&
           add_extension(x, by, NID_basic_constraints,
                         issuer ? "critical,CA:FALSE" : "critical,CA:TRUE,pathlen:0") &&
           add_extension(x, by, NID_key_usage,
                         issuer ? "critical,digitalSignature" : "critical,keyCertSign");
    if (issuer)
        made = made && add_extension(x, by, NID_authority_key_identifier, "keyid") &&
               add_extension(x, by, NID_ext_key_usage, "serverAuth") &&
               add_extension(x, by, NID_subject_alt_name, NAMES);
    if (made && X509_sign(x, issuer_key, EVP_sha256()))
        return x;
    X509_free(x);
    return NULL;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* Opens what takes the place of a file once it is whole. */
static FILE *begin_file(const char *path, char temporary[ATS_LOCAL_CA_PATH + 8], mode_t mode)
{
    snprintf(temporary, ATS_LOCAL_CA_PATH + 8, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f)
        ats_error(ATS_EXIT_FAILED, "%s: %s", temporary, strerror(errno));
    return f;
}

static int end_file(FILE *f, bool written, const char *temporary, const char *path)
{
    bool closed = fclose(f) == 0;
    if (written && closed && rename(temporary, path) == 0)
        return 0;
    return ats_error(ATS_EXIT_FAILED, "%s: %s", path, errno ? strerror(errno) : "cannot be made");
}

static int write_certificate(const char *path, X509 *x)
{
    char temporary[ATS_LOCAL_CA_PATH + 8];
    FILE *f = begin_file(path, temporary, 0644);
    return f ? end_file(f, PEM_write_X509(f, x), temporary, path) : -1;
}

static int write_key(const char *path, EVP_PKEY *key)
{
    char temporary[ATS_LOCAL_CA_PATH + 8];
    FILE *f = begin_file(path, temporary, 0600);
    return f ? end_file(f, PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), temporary, path)
             : -1;
}

static int make(const ats_local_ca *ca)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *root =
        ca_key ? make_certificate(ca_key, "ATS venue, local authority", NULL, ca_key) : NULL;
    X509 *leaf = root && key ? make_certificate(key, "localhost", root, ca_key) : NULL;
    int status = leaf ? 0
                      : ats_error(ATS_EXIT_FAILED, "%s: the certificate cannot be made",
                                  ca->certificate_file);
    if (status == 0)
        status = write_key(ca->key_file, key);
    if (status == 0)
        status = write_certificate(ca->certificate_file, leaf);
    if (status == 0)
        status = write_certificate(ca->ca_file, root);
    X509_free(leaf);
    X509_free(root);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return status;
}

int ats_local_ca_open(ats_local_ca *ca, const char *directory)
{
    if (strlen(directory) + 16 >= ATS_LOCAL_CA_PATH)
        return ats_error(ATS_EXIT_USAGE, "%.60s...: the path is too long", directory);
    snprintf(ca->ca_file, sizeof ca->ca_file, "%s/ca.pem", directory);
    snprintf(ca->certificate_file, sizeof ca->certificate_file, "%s/server.pem", directory);
    snprintf(ca->key_file, sizeof ca->key_file, "%s/server.key", directory);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return ats_error(ATS_EXIT_FAILED, "%s: %s", directory, strerror(errno));
    return is_good(ca) ? 0 : make(ca);
}
