"""Who may reach a study's web UI: this machine alone, unless told otherwise."""

import getpass
import os
import socket

import psutil

from rarepix.settings import ConfigError

HOST_VARIABLE = "RAREPIX_NNI_HOST"
"""Where the preload lets NNI's server listen."""
NAMES_VARIABLE = "RAREPIX_NNI_NAMES"
"""Names of this machine under which the preload lets browsers ask, beside those of 127.0.0.1."""
LOOPBACK = "127.0.0.1"
EVERYWHERE = "0.0.0.0"


def set_bind_host(host: str) -> str | None:
    """Let the managers that this process starts listen on *host*; return what that means, None if nothing special.

    Raises:
        ConfigError: no IPv4 address of this machine.
    """
    own = _own_addresses()
    if host not in (*own, EVERYWHERE):
        raise ConfigError(
            f"--host must be {LOOPBACK} (this machine only), {EVERYWHERE} (every network) or an IPv4 address of this "
            f"machine ({', '.join(own)}), but got {host!r}"
        )
    if host == LOOPBACK:
        return None
    names = [os.environ.get(NAMES_VARIABLE), socket.gethostname(), socket.getfqdn(), *own]
    os.environ[HOST_VARIABLE] = host
    os.environ[NAMES_VARIABLE] = ",".join(dict.fromkeys(filter(None, names)))
    return (
        f"--host {host}: NNI has no login, so whoever reaches this port over the network can run programs as "
        f"{getpass.getuser()}; a tunnel (see above) with --host {LOOPBACK} is the safe way"
    )


def ssh_tunnel(port: int) -> str:
    """Return the command that makes *port* of this machine reachable on the one where it is typed."""
    return f"ssh -L {port}:{LOOPBACK}:{port} {getpass.getuser()}@{socket.gethostname()}"


def _own_addresses() -> list[str]:
    interfaces = psutil.net_if_addrs().values()
    return [address.address for interface in interfaces for address in interface if address.family == socket.AF_INET]
