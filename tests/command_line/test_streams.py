"""A program that never waits for who reads what it writes: pipes, sockets, terminals, files."""

import contextlib
import os
import socket
import sys

import pytest

from hardvqa_tf.command_line import streams


def fill(number):
    """Writes until nothing more is taken; the descriptor waits afterwards as it did before."""
    os.set_blocking(number, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(number, b"x" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(number, b"x")
    os.set_blocking(number, True)


def read_all(number):
    """Reads what there is."""
    os.set_blocking(number, False)
    found = b""
    with contextlib.suppress(BlockingIOError, OSError):
        while part := os.read(number, 65536):
            found += part
    return found.decode()


def pipe():
    return os.pipe()


def stream_socket():
    return [end.detach() for end in socket.socketpair()]


def terminal():
    pty = pytest.importorskip("pty")
    tty = pytest.importorskip("tty")
    reader, writer = pty.openpty()
    tty.setraw(writer)  # Line ends as they are.
    return reader, writer


@pytest.fixture(params=[pipe, stream_socket, terminal])
def ends(request):
    """(what reads, what writes)."""
    with opened(request.param) as both:
        yield both


@pytest.fixture(params=[pipe, stream_socket])
def full_ends(request):
    """Those that are full once they take no more; a terminal takes more in a moment."""
    with opened(request.param) as both:
        yield both


@contextlib.contextmanager
def opened(make):
    both = make()
    yield both
    for number in both:
        os.close(number)


@contextlib.contextmanager
def as_standard_error(number):
    before = os.dup(2)
    os.dup2(number, 2)
    try:
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)


def say_lost(number):
    return f"{number} lost"


def test_what_is_read_arrives_in_order(ends):
    reader, writer = ends
    with as_standard_error(writer), streams.never_waiting(say_lost):
        for number in range(5):
            print(f"line {number}, ä", file=sys.stderr)
        os.write(2, b"from elsewhere\n")
    expected = [f"line {number}, ä" for number in range(5)] + ["from elsewhere"]
    assert read_all(reader).splitlines() == expected


def test_nobody_waits_and_what_is_lost_is_counted(full_ends):
    reader, writer = full_ends
    with as_standard_error(writer):
        fill(2)
        with streams.never_waiting(say_lost):
            for number in range(3):
                sys.stderr.write(f"line {number}\n")
            with pytest.raises(BlockingIOError):  # Whoever else writes, as C++ does.
                os.write(2, b"x" * 4096)
            read_all(reader)
            sys.stderr.write("a\nb\n")
        assert os.get_blocking(2)
    assert read_all(reader) == "3 lost\na\nb\n"


def test_a_line_that_is_taken_in_part_is_not_cut(ends):
    reader, writer = ends
    long, found = "y" * 3_000_000, ""
    with as_standard_error(writer), streams.never_waiting(say_lost):
        print(long, file=sys.stderr)
        print("lost", file=sys.stderr)
        while len(found) < len(long):
            found += read_all(reader)
            sys.stderr.flush()
    assert found + read_all(reader) == f"{long}\n1 lost\n"


def test_who_is_full_at_the_end_is_not_waited_for(full_ends):
    reader, writer = full_ends
    with as_standard_error(writer):
        with streams.never_waiting(say_lost):
            sys.stderr.write("z" * 10_000_000)
        os.write(2, b"y" * 10_000_000)  # Nobody gets it, and it ends.
    found = read_all(reader)
    assert "z" in found and "y" not in found
    assert os.get_blocking(writer)


def test_others_who_hold_a_pipe_wait_as_before():
    if not os.path.exists("/proc/self/fd"):
        pytest.skip("This system opens no pipe twice.")
    reader, writer = os.pipe()
    with as_standard_error(writer), streams.never_waiting(say_lost):
        assert os.get_blocking(writer) and not os.get_blocking(2)
    os.close(reader)
    os.close(writer)


def test_a_system_that_opens_no_pipe_twice(ends, monkeypatch):
    reader, writer = ends
    monkeypatch.setattr(streams, "_open_again", lambda number: None)
    with as_standard_error(writer):
        with streams.never_waiting(say_lost):
            # A terminal waits, for its shell reads from the same one.
            assert os.get_blocking(2) == os.isatty(2)
            print("heard", file=sys.stderr)
        assert os.get_blocking(2)
    assert read_all(reader) == "heard\n"


def test_a_reader_that_is_gone():
    reader, writer = os.pipe()
    with as_standard_error(writer):
        os.close(writer)
        with streams.never_waiting(say_lost):
            os.close(reader)
            print("lost", file=sys.stderr)
        os.write(2, b"lost as well")


def test_a_file_is_written_at_its_end_as_before(tmp_path):
    path = tmp_path / "log"
    path.write_text("before\n")
    number = os.open(path, os.O_WRONLY | os.O_APPEND)
    with as_standard_error(number), streams.never_waiting(say_lost):
        print("line", file=sys.stderr)
    os.close(number)
    assert path.read_text() == "before\nline\n"
