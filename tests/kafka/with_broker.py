"""What the tests against a broker have in common: one broker for all tests of a class, and for each of them a topic's name of its own."""
import os
import shutil
import sys
import tempfile
import unittest

import broker as kafka
from harness import Folder


class WithBroker(Folder):
    broker = None

    @classmethod
    def make_broker(cls, folder):
        return kafka.Broker(folder)

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="egret-kafka-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.broker = cls.make_broker(os.path.join(cls.folder, "broker"))
        cls.addClassCleanup(cls.broker.stop)
        cls.broker.start()
        cls.topics = 0

    def setUp(self):
        super().setUp()
        type(self).topics += 1
        self.topic = "topic%d" % self.topics


def main():
    why = kafka.missing()
    if why:
        print("skipped: " + why)
        sys.exit(77)
    unittest.main()
