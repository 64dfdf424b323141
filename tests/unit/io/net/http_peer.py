"""An HTTP server that this project did not write: Python's. Prints its port, serves until its input ends.

serve [CERT KEY]   /echo, /slow, /large/BYTES, /drop, /status/CODE, /moved, /count (connections so far)
"""
import http.server
import socket
import ssl
import sys
import threading
import time

connections = 0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        global connections
        connections += 1
        super().setup()

    def log_message(self, *_):
        pass

    def answer(self, body, status=200, fields=()):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Ratelimit-Limit", "200")
        self.send_header("X-Ratelimit-Remaining", "199")
        self.send_header("X-Ratelimit-Reset", "1700000000")
        for name, value in fields:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        part = self.path.split("/")[1:]
        if part[0] == "slow":
            time.sleep(0.5)
        if part[0] == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif part[0] == "echo":
            key = self.headers.get("APCA-API-KEY-ID", "none")
            self.answer(f"{self.command} {key} ".encode() + body)
        elif part[0] == "large":
            self.answer(b"x" * int(part[1]))
        elif part[0] == "status":
            self.answer(b'{"message": "told"}', int(part[1]))
        elif part[0] == "moved":
            self.answer(b"", 302, [("Location", "/echo")])
        else:
            self.answer(str(connections).encode())

    do_GET = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_any


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass

    def finish_request(self, request, client_address):
        if context:  # here, on the connection's own thread
            request = context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)


context = None
if len(sys.argv) > 2:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2], sys.argv[3])
server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
