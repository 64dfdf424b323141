#include "core/error.h"
#include "io/net/loop_parts.h"
#include "io/net/resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A burst of a venue's clients; the kernel caps it at net.core.somaxconn. */
#define BACKLOG 128

void ats_loop_set_options(const ats_loop *loop, int fd)
{
    int on = 1;
    /* Fails on Unix sockets, which have no Nagle to switch off. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (loop->options.kernel_timestamps)
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

/* Gives the descriptor a slot and arms it; without a slot it is closed. */
static ats_conn add(ats_loop *loop, ats_slot_kind kind, ats_loop_user *user, int fd)
{
    ats_conn conn = ats_loop_add(loop, kind, user, fd);
    if (conn != ATS_CONN_NONE)
        return conn;
    close(fd);
    ats_error(ATS_EXIT_FAILED, "event loop: all %u slots are taken", loop->options.connections);
    return ATS_CONN_NONE;
}

static int make_socket(const ats_loop *loop, const struct sockaddr *address, socklen_t length)
{
    if (length > sizeof(struct sockaddr_storage))
        return ats_error(ATS_EXIT_FAILED, "socket: an address of %u bytes", length);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "socket");
    ats_loop_set_options(loop, fd);
    return fd;
}

ats_conn ats_loop_connect(ats_loop *loop, ats_loop_user *user, const struct sockaddr *address,
                          socklen_t length)
{
    int fd = make_socket(loop, address, length);
    ats_conn conn = fd < 0 ? ATS_CONN_NONE : add(loop, ATS_SLOT_STREAM, user, fd);
    if (conn == ATS_CONN_NONE)
        return conn;
    ats_loop_slot *slot = &loop->slots[(uint32_t)conn];
    memcpy(&slot->peer, address, length);
    slot->peer_length = length;
    slot->connecting = true;
    loop->calls->arm(loop, (uint32_t)conn);
    return conn;
}

ats_conn ats_loop_adopt(ats_loop *loop, ats_loop_user *user, int fd)
{
    ats_conn conn = add(loop, ATS_SLOT_STREAM, user, fd);
    if (conn == ATS_CONN_NONE)
        return conn;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    ats_loop_set_options(loop, fd);
    loop->calls->arm(loop, (uint32_t)conn);
    return conn;
}

ats_conn ats_loop_listen(ats_loop *loop, ats_loop_user *user, const struct sockaddr *address,
                         socklen_t length)
{
    int on = 1, fd = make_socket(loop, address, length);
    if (fd < 0)
        return ATS_CONN_NONE;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address, length) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        close(fd);
        ats_error_errno(ATS_EXIT_FAILED, why, "listen");
        return ATS_CONN_NONE;
    }
    ats_conn conn = add(loop, ATS_SLOT_LISTENER, user, fd);
    if (conn != ATS_CONN_NONE)
        loop->calls->arm(loop, (uint32_t)conn);
    return conn;
}

uint16_t ats_loop_port(const ats_loop *loop, ats_conn conn)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (!ats_loop_is_open(loop, conn) ||
        getsockname(loop->slots[(uint32_t)conn].fd, (struct sockaddr *)&address, &length) != 0)
        return 0;
    return ats_address_port((struct sockaddr *)&address);
}

ats_conn ats_loop_watch(ats_loop *loop, ats_loop_user *user, int fd, uint32_t events)
{
    ats_conn conn = ats_loop_add(loop, ATS_SLOT_WATCH, user, fd);
    if (conn == ATS_CONN_NONE) {
        ats_error(ATS_EXIT_FAILED, "event loop: all %u slots are taken", loop->options.connections);
        return conn;
    }
    loop->slots[(uint32_t)conn].events = events;
    loop->calls->arm(loop, (uint32_t)conn);
    return conn;
}
