"""HTTP requests as they stand, and the sockets of processes: for tests of who is answered."""

import socket
import subprocess

import psutil

REST = "/api/v1/nni"


def request(line: str, *headers: str, body: str = "") -> bytes:
    """Return the text of a request; without a Host among *headers* it is for localhost."""
    named = headers if any(header.startswith("Host:") for header in headers) else ("Host: localhost", *headers)
    return "\r\n".join([f"{line} HTTP/1.1", *named, f"Content-Length: {len(body)}", "", body]).encode()


def ask(port: int, line: str, *headers: str, body: str = "", address: str = "127.0.0.1") -> str:
    """Send a request and return the first line of the answer ("" where there is none)."""
    with socket.create_connection((address, port), timeout=60) as connection:
        connection.sendall(request(line, *headers, body=body))
        with connection.makefile("rb") as answer:
            try:
                return answer.readline().decode().strip()
            except ConnectionResetError:
                return ""


def ask_as(user: int, port: int, text: bytes, *, wait: bool) -> str:
    """Send the request *text* as another user, wait for the answer or hang up at once, and return it."""
    script = 'exec 3<>/dev/tcp/127.0.0.1/$1; cat >&3; [ "$2" = False ] || cat <&3'
    command = ["/bin/bash", "-c", script, "ask", str(port), str(wait)]
    done = subprocess.run(command, user=user, cwd="/", input=text, capture_output=True, timeout=120, check=True)
    return done.stdout.decode()


def upgrade(port: int, path: str, *headers: str) -> str:
    """Ask for a websocket, wait until the connection is closed, and return the first line of the answer."""
    key = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + "A" * 22 + "==",
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request(f"GET {path}", *headers, *key))
        with connection.makefile("rb") as answer:
            try:
                return answer.read().decode(errors="replace").split("\r\n")[0]
            except ConnectionResetError:
                return ""


def sockets(process: psutil.Process) -> list:
    """Return the sockets on which *process* and all that it started listen."""
    return [
        connection
        for member in (process, *process.children(recursive=True))
        for connection in member.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]


def listening(process: psutil.Process) -> set[str]:
    """Return the addresses on which *process* and all that it started listen."""
    return {connection.laddr.ip for connection in sockets(process)}
