"""By which names a server may be asked, where no token says who asks.

A page of another site can give its own name our address after it was loaded (DNS rebinding).
To the browser the server is then that site, and the page may read what it answers. But the
browser still sends the name, in the header Host. An address cannot be given away so.
"""

import ipaddress


class Hosts:
    """Names and addresses.

    Args:
      host: what the server listens at.
      more: further names; "*" for all.
    """

    def __init__(self, host, more=()):
        self._names = {name.lower().strip("[]") for name in ("localhost", host, *more)}
        self._knows_all = "*" in self._names
        self._is_local = is_loopback(host)

    def know(self, header):
        """Whether a Host header, bytes as `name:port`, is one of ours."""
        name = _name_of(header.decode("latin-1").strip().lower())
        if self._knows_all or name in self._names or name.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._is_local


def is_loopback(host):
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name_of(host):
    if host.startswith("["):  # An address of version 6.
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")
