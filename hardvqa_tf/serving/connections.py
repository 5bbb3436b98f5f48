"""uvicorn's HTTP protocol, with bounds on what it leaves open: how much, and for how long.

    the head of a request     64 KiB, 10 seconds from its first byte
    its body                  `--max_request_mb` (predict.py), `--deadline_seconds` and a little
    between parts of a body   64 KiB of chunks' own lines; trailers, too, which are left out
    after an early answer     10 seconds for what is left of the body
    the answer                20 to 40 seconds on its way out (outlet.py)
    nothing                   30 seconds between requests
    half a connection         whoever closes their own side hears the answer; the rest is closed
    all connections           `max_connections`; one more takes the place of the one whose
                              client has been waited for the longest (crowd.py)

What comes is given to the parser in slices, so that it is counted before it is kept, and so
that of requests that come all at once few are read before the first is answered.
"""

import asyncio

import httptools
import orjson
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hardvqa_tf.serving.answers import error_of
from hardvqa_tf.serving.crowd import Crowd
from hardvqa_tf.serving.malformed import check_head, what_is_wrong
from hardvqa_tf.serving.outlet import Outlet

_MAX_HEAD = 64 * 1024  # Bytes of a request line and headers, or between parts of a body.
_HEAD_SECONDS = 10
_IDLE_SECONDS = 30
_REST_SECONDS = 10  # For the rest of a body whose request is answered.
_PROBE_SECONDS = 1  # Between looks whether a client that has closed its side still reads.
_BODY_GRACE_SECONDS = 2  # At the deadline itself, the route answers with a sentence.
_SLICE = 1024  # Of what is not the body of a known length.


def bounded_protocol(limits):
    """The class of the connections of one server, which know of each other."""
    crowd = Crowd(limits.max_connections)
    return type("Connection", (BoundedProtocol,), {"limits": limits, "crowd": crowd})


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Attributes:
      limits: `limits.Limits`.
      crowd: `Crowd` of all connections of the server.
    """

    _is_idle = False  # between requests
    _in_body = False  # between the end of a head and the end of its body
    _in_chunk_line = True  # of a body in chunks: before the first, or between two
    _unanswered = 0  # requests without a complete answer, the one in whose body we are as well
    _due = None  # loop's time by which the client must do what we wait for
    _loose = 0  # bytes in a row that neither ended a head nor were of a body
    _body_left = 0  # of a body whose length is known
    _is_upgrade = False  # the head asks for another protocol, which we leave out
    _in_head = False  # between the first byte of a head and its end
    _line = b""  # the start of a head's line of which more is to come
    _is_first = True  # The part that is being read has nothing of another request.
    _is_ended = False  # the client has sent all that it will; it may still read
    _probe_due = None  # loop's time by which an ended client is looked at
    _probed = None  # the cycle for which it was sent something
    _last_words = None  # what is sent when all before is answered; nothing is read any more

    # --- Of the connection.

    def connection_made(self, transport):
        self._outlet = Outlet(transport, self)
        super().connection_made(self._outlet)
        self.flow = _Flow(self._outlet, self._feed_rest)
        self._rest = b""
        self._due = self.loop.time() + _HEAD_SECONDS
        if not self.crowd.add(self):
            self.app = _all_taken(self.limits.max_connections)

    def connection_lost(self, exc):
        self.crowd.remove(self)
        super().connection_lost(exc)
        self._outlet.forget()  # Else all these are freed late, for they refer to each other.
        self.flow.forget()

    def check(self, now):
        """Called now and then: ends a connection whose client keeps us waiting."""
        if self._outlet.is_stuck(now):
            self._outlet.abort()
        elif self._probe_due is not None and now > self._probe_due:
            self._probe_due = now + _PROBE_SECONDS
            self._probe()
        elif self._due is not None and now > self._due:
            if not self._may_read():  # It is we who keep the client waiting.
                self._due = now
            else:
                self._outlet.end()

    def evict(self):
        """Makes room for another."""
        self.connections.discard(self)
        self._outlet.abort()

    @property
    def expects_more(self):
        """Whether a client that is not done with sending would be cut off by closing."""
        if self._is_ended:
            return False
        return self._in_body or bool(self._rest) or self._last_words is not None

    def pause_writing(self):
        super().pause_writing()
        self.crowd.wait_for(self)

    def resume_writing(self):
        super().resume_writing()
        if self._unanswered and not self._in_body:
            self.crowd.work_for(self)

    # --- What comes.

    def data_received(self, data):
        if self._outlet.is_closing() or self._last_words is not None:
            self._outlet.drop(len(data))
            return
        self._unset_keepalive_if_required()
        self._rest = self._rest + data if self._rest else data
        self._feed_rest()

    def eof_received(self):
        """A client that has closed its own side alone still hears what it asked for.

        Returns:
          Whether the connection stays open: what came wholly is answered first.
        """
        self._is_ended, self._probe_due = True, self.loop.time() + _PROBE_SECONDS
        if not self._outlet.is_closing():
            self._feed_rest()
        return not self._outlet.is_closing()

    def _probe(self):
        """Finds out whether an ended client is gone altogether, which looks the same.

        Only what is sent to it tells: its machine then says that nobody is there, which the
        socket keeps as an error. Any client of HTTP/1.1 takes one such answer in front of its
        own (RFC 9110, 15.2).
        """
        cycle = self.cycle
        if self._outlet.is_lost():
            self._outlet.abort()
            return
        is_next = self._unanswered and not self.pipeline and not cycle.response_started
        was_told = self._probed is cycle or self.expect_100_continue
        if is_next and not was_told and self.scope["http_version"] == "1.1":
            self._probed = cycle
            self._outlet.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _end_if_done(self):
        """Of an ended client: closes once all that came wholly is answered."""
        if not self._is_ended or self._rest or self._outlet.is_closing():
            return
        if self._in_body:
            self._give_up_body()
        if not self._unanswered:
            self._outlet.close()

    def _feed_rest(self):
        """Gives the parser what came, as far as reading goes on."""
        if self._outlet.is_closing():
            return
        rest, self._rest = memoryview(self._rest), b""
        while rest and (self._may_read() or self._body_left >= len(rest)):
            if self._outlet.is_closing() or self._last_words is not None:
                return
            size = min(_SLICE, _MAX_HEAD - self._loose)
            if self._body_left >= size:  # Nothing but body is in so much.
                size = self._body_left
            part, rest = rest[:size], rest[size:]
            self._loose += min(len(part), _SLICE)
            rest = self._parse(part, rest)
            if self._loose >= _MAX_HEAD and self._last_words is None:
                self._refuse(431, f"{self._loose_part()} too long: {_MAX_HEAD:,} bytes.")
        self._rest = bytes(rest)
        if self._is_ended:
            self._end_if_done()
        elif self._may_read() and not self._outlet.is_reading():
            self._outlet.resume_reading()

    def _loose_part(self):
        """What is being read that is not of the body, as a sentence about it begins."""
        if not self._in_body:
            return "The request's head is"
        if self._in_chunk_line:
            return "The line before a chunk (its size and extensions) is"
        return "The request's trailers are"

    def _may_read(self):
        """Whether the parser may have more: not while requests wait for those before them."""
        return not self.flow.read_paused and not self.pipeline

    def _parse(self, part, rest):
        """Returns the rest, with what of the part is to be read again before it."""
        self._is_first = True
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade as upgrade:
            return memoryview(
                self._without_upgrade() + part[upgrade.args[0] :].tobytes() + rest
            )
        except httptools.HttpParserError as error:
            received, url = self._line + bytes(part), getattr(self, "url", b"")
            wrong = what_is_wrong(error, received, url, self._in_body, self._is_first)
            self._refuse(*wrong)
        if self._in_head:
            self._line = (self._line + bytes(part)).rpartition(b"\n")[2][:_SLICE]
        return rest

    def _without_upgrade(self):
        """The head that was read, without the wish for another protocol; to be read again.

        The parser takes what follows such a head for that protocol. But a server may ignore the
        wish (RFC 9110, 7.8), and clients that would rather speak HTTP/2 send bodies so.
        """
        self._is_upgrade, self.parser = False, httptools.HttpRequestParser(self)
        line = b" ".join([self.scope["method"].encode(), self.url, b"HTTP/1.1"])
        headers = [
            name + b": " + value
            for name, value in self.headers
            if name not in (b"upgrade", b"connection", b"http2-settings")
        ]
        return b"\r\n".join([line, *headers, b"connection: close", b"", b""])

    # --- What the parser finds.

    def on_message_begin(self):
        if self._is_idle:
            self._is_idle, self._due = False, self.loop.time() + _HEAD_SECONDS
        self._in_head, self._line = True, b""
        super().on_message_begin()

    def on_header(self, name, value):
        if not self._in_body:  # Else it is a trailer.
            super().on_header(name, value)

    def on_headers_complete(self):
        method, version = self.parser.get_method(), self.parser.get_http_version()
        check_head(method, version, self.headers)
        self._in_head, self._line = False, b""
        if self.parser.should_upgrade():
            self.scope["method"], self._is_upgrade = method.decode(), True
            return
        super().on_headers_complete()
        self._in_body, self._in_chunk_line, self._loose = True, True, 0
        self._unanswered += 1
        seconds = self.limits.deadline_seconds + _BODY_GRACE_SECONDS
        self._due = self.loop.time() + seconds
        length = next((v for name, v in self.headers if name == b"content-length"), b"0")
        self._body_left = int(length)

    def on_body(self, body):
        self._loose = 0
        self._body_left -= len(body)
        super().on_body(body)

    def on_chunk_header(self):
        self._in_chunk_line = False  # What follows the last one, of size 0, are trailers.

    def on_chunk_complete(self):
        self._in_chunk_line = True

    def on_message_complete(self):
        if self._is_upgrade:
            return
        super().on_message_complete()
        self._is_first = False
        self._in_body, self._loose, self._body_left = False, 0, 0
        if self._unanswered:
            self._due = None
            self.crowd.work_for(self)
        else:
            self._be_idle()

    # --- What leaves.

    def on_response_complete(self):
        self._unanswered -= 1
        super().on_response_complete()
        if self._outlet.is_closing():
            return
        self.loop.call_soon(self._feed_rest)
        if self._in_body and self._unanswered <= 1:
            self._wait_for_rest()
        elif not self._unanswered:
            self._be_idle()

    def _wait_for_rest(self):
        """Of the body of the only request left, which may be answered."""
        if not self._unanswered:
            self._due = min(self._due, self.loop.time() + _REST_SECONDS)
        self.crowd.wait_for(self)

    def _be_idle(self):
        if self._last_words is not None:
            self._say_last_words()
            return
        self._is_idle, self._due = True, self.loop.time() + _IDLE_SECONDS
        self.crowd.wait_for(self)

    def _refuse(self, code, sentence):
        """Ends the connection for what came, after the answers to what came before that."""
        self._last_words = _raw_answer(code, sentence)
        if self._in_body:
            self._give_up_body()
        if not self._unanswered and not self._outlet.is_closing():
            self._say_last_words()

    def _give_up_body(self):
        """Of the last request that began."""
        self._in_body, cycle = False, self.cycle
        if self.pipeline:  # Its turn has not come.
            self.pipeline.popleft()
            self._unanswered -= 1
        elif cycle.response_started:
            self._outlet.close()
        else:
            cycle.disconnected = True  # So its route is told.
            cycle.message_event.set()
            self._unanswered -= 1

    def _say_last_words(self):
        self._outlet.write(self._last_words)
        self._outlet.close()


class _Flow(FlowControl):
    """Goes on with what was read already, before more is read.

    Args:
      resumed: called when reading goes on; it has the transport read on when it needs more.
    """

    def __init__(self, transport, resumed):
        super().__init__(transport)
        self._resumed = resumed

    def resume_reading(self):
        if self.read_paused:
            self.read_paused = False
            asyncio.get_running_loop().call_soon(self._resumed)

    def forget(self):
        self._resumed = lambda: None


def _all_taken(number):
    sentence = f"All of {number:,} connections are in use. Try again later."
    return error_of(503, sentence, {"Retry-After": "5", "Connection": "close"})


def _raw_answer(code, sentence):
    body = orjson.dumps({"error": sentence})
    head = (
        b"content-type: application/json\r\n"
        b"content-length: %d\r\n"
        b"connection: close\r\n\r\n" % len(body)
    )
    return STATUS_LINE[code] + head + body
