#include "io/net/resolve.h"

#include "core/error.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

int ats_resolve(const char *host, uint16_t port, ats_address *out, uint32_t most)
{
    struct addrinfo *list, want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    int failed = getaddrinfo(host, service, &want, &list);
    if (failed)
        return ats_error(ATS_EXIT_UNREACHABLE, "%s: %s", host,
                         failed == EAI_SYSTEM ? strerror(errno) : gai_strerror(failed));
    uint32_t count = 0;
    for (struct addrinfo *a = list; a && count < most; a = a->ai_next) {
        if (a->ai_addrlen > sizeof out->address)
            continue;
        out[count] = (ats_address){.length = a->ai_addrlen};
        memcpy(&out[count++].address, a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(list);
    return (int)count;
}

uint16_t ats_address_port(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)address)->sin_port);
    if (address->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)address)->sin6_port);
    return 0;
}
