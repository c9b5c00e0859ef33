"""A real Mosquitto on a free port, and as much of an MQTT 3.1.1 client as tests need to publish and to listen."""
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time

from harness import DEADLINE_S, wait_for

MOSQUITTO = next((path for path in ("/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto") if os.path.exists(path)), "mosquitto")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Broker:
    """Keeps sessions and messages over a stop (it writes them when it is asked to end), and bounds no queue. With `saves` it writes them after each so
    many changes, too; what it was sent last, and has acknowledged, it loses when it is killed."""

    def __init__(self, folder, lines=(), port=None, saves=0):
        self.folder, self.port, self.process = folder, port or free_port(), None
        self.url = "mqtt://127.0.0.1:%d" % self.port
        self.conf = os.path.join(folder, "mosquitto-%d.conf" % self.port)
        with open(self.conf, "w", encoding="utf-8") as file:
            file.write("user root\npersistence true\npersistence_location %s/\npersistence_file broker-%d.db\nautosave_interval %d\nautosave_on_changes true\n"
                       "max_queued_messages 0\nset_tcp_nodelay true\nlistener %d 127.0.0.1\n%s\n"
                       % (folder, self.port, saves, self.port, "\n".join(lines or ["allow_anonymous true"])))

    def start(self):
        with open(self.conf + ".log", "ab") as log:
            self.process = subprocess.Popen([MOSQUITTO, "-c", self.conf], stdout=log, stderr=log)
        def up():
            if self.process.poll() is not None:
                with open(self.conf + ".log", encoding="utf-8") as log:
                    raise AssertionError("mosquitto ended: " + log.read()[-1000:])
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                return False
        wait_for(up, "mosquitto")
        return self

    def stop(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(timeout=DEADLINE_S)
        self.process = None

    def saved(self):
        """The bytes of its file."""
        with open(os.path.join(self.folder, "broker-%d.db" % self.port), "rb") as file:
            return file.read()


def text(value):
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def packet(kind, body):
    length, size = b"", len(body)
    while True:
        size, byte = size >> 7, size & 0x7f
        length += bytes([byte | (0x80 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


class Client:
    """Speaks when asked; not for several threads."""

    def __init__(self, port, name, clean=True, will=None):
        self.port, self.name, self.clean, self.will = port, name, clean, will
        self.socket, self.rest, self.number = None, b"", 0

    def connect(self):
        self.close()
        self.socket = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        flags, tail = 2 if self.clean else 0, text(self.name)
        if self.will:
            flags |= 4 | 1 << 3
            tail += text(self.will[0]) + text(self.will[1])
        self.socket.sendall(packet(0x10, text("MQTT") + bytes([4, flags]) + struct.pack(">H", 0) + tail))
        kind, body = self.read()
        assert kind == 0x20 and body[1] == 0, (kind, body)
        return self

    def read(self, timeout=DEADLINE_S):
        """The next packet, (first byte, body); None when nothing comes within the time."""
        end = time.monotonic() + timeout
        while True:
            whole = self.take()
            if whole:
                return whole
            ready = select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                return None
            more = self.socket.recv(65536)
            if not more:
                raise OSError("the broker closed the connection")
            self.rest += more

    def take(self):
        at, size, shift = 1, 0, 0
        while at < len(self.rest):
            size |= (self.rest[at] & 0x7f) << shift
            shift, at = shift + 7, at + 1
            if not self.rest[at - 1] & 0x80:
                if len(self.rest) - at < size:
                    return None
                kind, body, self.rest = self.rest[0], self.rest[at:at + size], self.rest[at + size:]
                return kind, body
        return None

    def publish_all(self, messages, qos=1, retain=False, window=200):
        """(topic, payload) one after the other, each acknowledged by the broker; goes on after the broker was away."""
        waiting, todo = {}, list(messages)[::-1]
        window = min(window, 10) if qos == 2 else window    # a broker takes 20 at once, and hangs up on more
        while todo or waiting:
            try:
                if self.socket is None:
                    self.connect()
                    todo += [waiting[number] for number in sorted(waiting, reverse=True)]
                    waiting = {}
                while todo and len(waiting) < window:
                    self.put(todo.pop(), waiting, qos, retain)
                if waiting:
                    self.take_answer(waiting)
            except OSError:
                self.close()
                time.sleep(0.05)

    def put(self, message, waiting, qos, retain):
        topic, payload = message
        data = payload if isinstance(payload, bytes) else payload.encode()
        self.number = self.number % 65535 + 1
        number = struct.pack(">H", self.number) if qos else b""
        if qos:
            waiting[self.number] = message
        self.socket.sendall(packet(0x30 | qos << 1 | retain, text(topic) + number + data))

    def take_answer(self, waiting):
        got = self.read()
        if not got:
            raise OSError("the broker says nothing")
        kind, body = got
        number = struct.unpack(">H", body[:2])[0]
        if kind in (0x40, 0x70):
            waiting.pop(number, None)
        elif kind == 0x50:
            self.socket.sendall(packet(0x62, body[:2]))

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def leave(self):
        """A good-bye, after which no last will is sent."""
        self.socket.sendall(packet(0xe0, b""))
        self.close()


class Listener:
    """Collects (topic, payload, retained) of a subscription, by a thread of its own, over restarts of the broker."""

    def __init__(self, port, name, filter_, qos=1):
        self.client, self.filter, self.qos = Client(port, name, clean=False), filter_, qos
        self.messages, self.ready, self.over = [], threading.Event(), False
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()
        assert self.ready.wait(DEADLINE_S)

    def work(self):
        while not self.over:
            try:
                self.client.connect()
                self.client.socket.sendall(packet(0x82, b"\0\1" + text(self.filter) + bytes([self.qos])))
                while not self.over:
                    self.take(self.client.read(0.2))
            except OSError:
                time.sleep(0.05)

    def take(self, got):
        if got and got[0] == 0x90:
            self.ready.set()
        if got and got[0] >> 4 == 6:
            self.client.socket.sendall(packet(0x70, got[1][:2]))
        if not got or got[0] >> 4 != 3:
            return
        kind, body = got
        size = struct.unpack(">H", body[:2])[0]
        topic, body = body[2:2 + size].decode(), body[2 + size:]
        qos = kind >> 1 & 3
        if qos:
            self.client.socket.sendall(packet(0x40 if qos == 1 else 0x50, body[:2]))
            body = body[2:]
        self.messages.append((topic, body, bool(kind & 1)))

    def close(self):
        self.over = True
        self.thread.join(DEADLINE_S)
        self.client.close()
