"""One Apache Kafka broker (KRaft, one node) on free ports of the loopback, and the tool that talks to it.

Its jars come by script/fetch-kafka. A machine without them, or without Java, skips these tests and says why; nothing is mocked here.
"""
import glob
import os
import shutil
import signal
import socket
import subprocess
import time

JARS = os.environ.get("EGRET_KAFKA_JARS", "")
TOOL = os.environ.get("EGRET_KAFKA_TOOL", "kafka_tool")


def missing():
    """Why there is no broker here; None: there is one."""
    if not shutil.which("java"):
        return "no Java on this machine"
    if not glob.glob(os.path.join(JARS, "kafka_2.13-*.jar")):
        return "no jars of Apache Kafka here: script/fetch-kafka fetches them"
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Broker:
    """Its data lives in `folder`, so that it may be killed and started again."""

    SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={folder}/log
num.network.threads=2
num.io.threads=3
background.threads=2
num.recovery.threads.per.data.dir=1
log.segment.bytes=67108864
log.cleaner.enable=true
log.cleaner.dedupe.buffer.size=4194304
offsets.topic.replication.factor=1
offsets.topic.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=2000
auto.create.topics.enable=false
"""

    def __init__(self, folder):
        self.folder, self.port, self.process, self.starts = folder, free_port(), None, 0
        os.makedirs(folder)
        with open(self.file("server.properties"), "w", encoding="utf-8") as file:
            file.write(self.settings())
        with open(self.file("log4j2.properties"), "w", encoding="utf-8") as file:
            file.write("rootLogger.level=warn\nrootLogger.appenderRef.out.ref=out\nappender.out.type=Console\nappender.out.name=out\n"
                       "appender.out.layout.type=PatternLayout\nappender.out.layout.pattern=%d %p %c %m%n\n")
        self.run("kafka.tools.StorageTool", "format", "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qk", "--config", self.file("server.properties"), *self.users())

    def settings(self):
        return self.SETTINGS.format(port=self.port, controller=free_port(), folder=self.folder)

    def users(self):
        """What the log of the cluster knows before it is started."""
        return []

    @property
    def address(self):
        return "127.0.0.1:%d" % self.port

    def file(self, name):
        return os.path.join(self.folder, name)

    def java(self, *args):
        return ["java", "-Xms96m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", os.path.join(JARS, "*"),
                "-Dlog4j2.configurationFile=" + self.file("log4j2.properties"), *args]

    def run(self, *args):
        done = subprocess.run(self.java(*args), capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise AssertionError("%s: %s%s" % (args, done.stdout, done.stderr))

    def start(self, wait=True):
        self.starts += 1
        with open(self.file("out-%d.txt" % self.starts), "wb") as out:
            self.process = subprocess.Popen(self.java("kafka.Kafka", self.file("server.properties")), stdout=out, stderr=out)
        if wait:
            end = time.monotonic() + 300        # a machine that builds something besides takes its time
            while not self.answers():
                if time.monotonic() > end:
                    raise AssertionError("the broker does not listen")
                time.sleep(0.05)
        return self

    def answers(self):
        if self.process.poll() is not None:
            with open(self.file("out-%d.txt" % self.starts), encoding="utf-8", errors="replace") as file:
                raise AssertionError("the broker ended: " + file.read()[-3000:])
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, number=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
        if self.process:
            self.process.wait(timeout=120)

    # ---- from outside ----

    def tool(self, *args, text=None, timeout=600):
        done = subprocess.run([TOOL, self.address, *map(str, args)], input=text, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode != 0:
            raise AssertionError("kafka_tool %s: %s" % (args, done.stderr))
        return done.stdout

    def create(self, topic, partitions, *max_message_bytes):
        end = time.monotonic() + 120    # right after a start there may be no controller yet
        while True:
            try:
                self.tool("create", topic, partitions, *max_message_bytes)
                return
            except AssertionError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)

    def produce(self, topic, lines):
        """(partition, text) each; text None: a message without a body."""
        self.tool("produce", topic, text="".join("%d%s\n" % (p, "" if text is None else "\t" + text) for p, text in lines))

    def consume(self, topic):
        """What a consumer that reads committed sees: (partition, offset, key, id, text)."""
        rows = [line.split("\t", 4) for line in self.tool("consume", topic).splitlines()]
        return [(int(p), int(offset), key, ident, text) for p, offset, key, ident, text in rows]

    def places(self, group, topic, partitions):
        return dict(tuple(map(int, line.split("\t"))) for line in self.tool("places", group, topic, partitions).splitlines())


class SecuredBroker(Broker):
    """Has a second door besides, at `secured`: TLS with the certificate of a PKCS 12 file (its password is changeit), and a user with a password. The test's
    own tool comes by the first one."""

    SECURED = """\
listeners=PLAINTEXT://127.0.0.1:{port},SECURED://127.0.0.1:{secured},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURED://127.0.0.1:{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
ssl.keystore.location={keystore}
ssl.keystore.type=PKCS12
ssl.keystore.password=changeit
ssl.key.password=changeit
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
"""

    def __init__(self, folder, keystore, user, password):
        self.keystore, self.user, self.password, self.secured_port = keystore, user, password, free_port()
        super().__init__(folder)

    @property
    def secured(self):
        return "127.0.0.1:%d" % self.secured_port

    def settings(self):
        lines = super().settings().splitlines(keepends=True)
        controller = next(line for line in lines if line.startswith("controller.quorum.voters=")).strip().rsplit(":", 1)[1]
        kept = [line for line in lines if not line.startswith(("listeners=", "advertised.listeners=", "listener.security.protocol.map="))]
        return "".join(kept) + self.SECURED.format(port=self.port, secured=self.secured_port, controller=controller, keystore=self.keystore,
                                                   user=self.user, password=self.password)

    def users(self):
        return ["--add-scram", "SCRAM-SHA-512=[name=%s,password=%s]" % (self.user, self.password)]
