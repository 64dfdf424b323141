/* resolve.h: addresses of a host. Blocks for as long as the resolver takes: cold threads only, and
 * before a connection is needed; what was found is kept by whoever reconnects. */
#ifndef ATS_IO_NET_RESOLVE_H
#define ATS_IO_NET_RESOLVE_H

#include <stdint.h>
#include <sys/socket.h>

typedef struct ats_address {
    struct sockaddr_storage address;
    socklen_t length;
} ats_address;

/* At most `most` stream addresses of a host name or literal, in the order in which they should be
 * tried (RFC 6724). How many; or -1 with an error pushed: there is none. */
int ats_resolve(const char *host, uint16_t port, ats_address *out, uint32_t most);

/* Port of an internet address; 0: it is none. */
uint16_t ats_address_port(const struct sockaddr *address);

#endif
