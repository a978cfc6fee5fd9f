"""The head of an answer and what comes after it, as they leave."""

from debrepo_server.gathering import Gathering

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire:
    """A transport that notes what is sent at a time."""

    def __init__(self):
        self.sent = []

    def write(self, data):
        self.sent.append(data)

    def writelines(self, parts):
        self.sent.append(b"".join(parts))

    def close(self):
        self.sent.append("closed")


def test_head_goes_out_with_the_body():
    wire = Wire()
    transport = Gathering(wire)
    for data in (HEAD, b"one", b"two"):
        transport.write(data)
    assert wire.sent == [HEAD + b"one", b"two"]


def test_head_without_a_body_goes_out_at_the_end():
    wire = Wire()
    transport = Gathering(wire)
    transport.write(HEAD)
    assert wire.sent == []
    transport.flush()
    transport.flush()
    assert wire.sent == [HEAD]


def test_nothing_is_left_behind_when_the_transport_closes():
    wire = Wire()
    transport = Gathering(wire)
    transport.write(HEAD)
    transport.close()
    assert wire.sent == [HEAD, "closed"]


def test_interim_answer_goes_out_at_once():
    wire = Wire()
    Gathering(wire).write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert len(wire.sent) == 1
