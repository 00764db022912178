"""Identifies the process at the other end of a loopback connection, as reported by the kernel."""

import psutil


def owns_connection(pid: int, client: tuple[str, int], server_port: int) -> bool:
    """Return whether process `pid` itself owns the client end of a connection to `server_port`.

    Another process cannot take over the client's address while our end of the connection is open.
    """
    try:
        connections = psutil.Process(pid).net_connections("tcp4")
    except psutil.Error:
        return False
    return any(found.laddr == client and found.raddr and found.raddr.port == server_port for found in connections)
