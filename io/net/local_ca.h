/* local_ca.h: a certificate authority of one's own, for servers on this machine. Cold.
 *
 * Not for anything that another machine trusts: whoever can read the directory can be the server.
 */
#ifndef ATS_IO_NET_LOCAL_CA_H
#define ATS_IO_NET_LOCAL_CA_H

#define ATS_LOCAL_CA_PATH 4096u

typedef struct ats_local_ca {
    char ca_file[ATS_LOCAL_CA_PATH];          /* what clients are to trust */
    char certificate_file[ATS_LOCAL_CA_PATH]; /* of localhost, 127.0.0.1 and ::1 */
    char key_file[ATS_LOCAL_CA_PATH];         /* readable by its owner alone */
} ats_local_ca;

/* Uses ca.pem, server.pem and server.key of a directory. Where one of them is missing, or the
 * certificate ends within a day, it makes all three anew (P-256, 30 days; the authority's own key
 * is not kept), and the directory too. 0, or -1 with an error pushed. */
int ats_local_ca_open(ats_local_ca *out, const char *directory);

#endif
