"""A network between a server and everybody else, which can be cut: packets vanish, and nobody is
told.

It is made of network namespaces, in a namespace of users, so that nobody needs to be root; where
that is not permitted, a proxy stands in between, which stops to pass anything on.
"""
import os
import select
import shutil
import socket
import subprocess
import sys
import threading
import time

HERE, THERE = "10.203.0.1", "10.203.0.2"
INSIDE = "DIFFEDIT_TEST_NAMESPACE"  # set in the process that has begun anew in one


def enter():
    """Begins this program anew in namespaces of its own; goes on where there are none."""
    enough = all(map(shutil.which, ("ip", "unshare", "nsenter")))
    if INSIDE in os.environ or not enough:
        return
    trial = "ip link add here type veth peer name there && unshare -n true"
    if subprocess.run(["unshare", "-rn", "sh", "-c", trial], capture_output=True).returncode == 0:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "-rn", sys.executable, *sys.argv])


class Namespaces:
    """The server's side is a namespace of a process that sleeps."""
    name = "network namespaces"

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "-n", "sleep", "86400"])
        while self.namespace_of(self.holder.pid) == self.namespace_of("self"):
            time.sleep(0.01)
        for command in (f"ip link set lo up",
                        f"ip link add here type veth peer name there netns {self.holder.pid}",
                        f"ip address add {HERE}/24 dev here", "ip link set here up"):
            subprocess.run(command.split(), check=True)
        self.there("ip link set lo up", f"ip address add {THERE}/24 dev there",
                   "ip link set there up")
        self.inside = ["nsenter", "-t", str(self.holder.pid), "-n"]

    @staticmethod
    def namespace_of(process):
        return os.readlink(f"/proc/{process}/ns/net")

    def there(self, *commands):
        for command in commands:
            subprocess.run(["nsenter", "-t", str(self.holder.pid), "-n", *command.split()],
                           check=True)

    host = THERE

    def port_of(self, port):
        return port

    def cut(self):
        self.there("ip link set there down")

    def mend(self):
        self.there("ip link set there up")

    def close(self):
        self.holder.kill()
        self.holder.wait()


class Proxy:
    """One thread that copies between sockets, and waits while the network is cut."""
    name = "a proxy, because network namespaces are not permitted"
    host, inside = "127.0.0.1", []

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target, self.peers, self.is_cut = None, {}, False
        self.closed = False
        threading.Thread(target=self.run, daemon=True).start()

    def port_of(self, port):
        self.target = port
        return self.listener.getsockname()[1]

    def cut(self):
        self.is_cut = True

    def mend(self):
        self.is_cut = False

    def close(self):
        self.closed = True

    def end(self, one):
        for side in (one, self.peers.pop(one, None)):
            if side:
                self.peers.pop(side, None)
                side.close()

    def accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.target), 1)
        except OSError:
            client.close()
            return
        self.peers[client], self.peers[server] = server, client

    def run(self):
        while not self.closed:
            if self.is_cut:
                time.sleep(0.05)
                continue
            for ready in select.select([self.listener, *self.peers], [], [], 0.05)[0]:
                if ready is self.listener:
                    self.accept()
                elif ready in self.peers:
                    self.copy(ready)

    def copy(self, one):
        try:
            data = one.recv(65536)
            self.peers[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            self.end(one)


def make():
    return Namespaces() if INSIDE in os.environ else Proxy()
