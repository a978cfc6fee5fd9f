"""The head of an answer and what comes after it, as they leave."""

from http.client import HTTPConnection

from debrepo_server.head_buffer import HeadBuffer

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
    transport = HeadBuffer(wire)
    for data in (HEAD, b"one", b"two"):
        transport.write(data)
    assert wire.sent == [HEAD + b"one", b"two"]


def test_head_without_a_body_goes_out_at_the_end():
    wire = Wire()
    transport = HeadBuffer(wire)
    transport.write(HEAD)
    assert wire.sent == []
    transport.flush()
    transport.flush()
    assert wire.sent == [HEAD]


def test_nothing_is_left_behind_when_the_transport_closes():
    wire = Wire()
    transport = HeadBuffer(wire)
    transport.write(HEAD)
    transport.close()
    assert wire.sent == [HEAD, "closed"]


def test_interim_answer_goes_out_at_once():
    wire = Wire()
    HeadBuffer(wire).write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert len(wire.sent) == 1


def test_answers_with_and_without_a_body_follow_each_other_on_a_connection(serving, debrepo):
    debrepo("repo", "create", "x")
    connection = HTTPConnection(serving().url.removeprefix("http://"), timeout=30)

    def ask(method, **headers):
        connection.request(method, "/api/repos/x/packages", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.getheader("ETag")

    found = [ask("GET"), ask("HEAD"), ask("GET"), ask("GET", **{"If-None-Match": "*"}), ask("GET")]
    assert [status for status, *_ in found] == [200, 404, 200, 304, 200]
    assert [body for _, body, _ in found] == [b"[]", b"", b"[]", b"", b"[]"]
    connection.close()
