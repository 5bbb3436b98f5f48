"""Log lines as JSON: whatever a message holds, it stays one line and cannot look like two."""

import json
import logging
import sys
import time

from records.source import counted

logger = logging.getLogger("hardvqa_tf.serving")
_LOGGERS = (logger.name, "uvicorn", "asyncio")


class JsonFormatter(logging.Formatter):
    def format(self, record):
        line = _line(record.created, record.levelname, record.getMessage())
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)  # ASCII alone: no control character of a terminal either.


def say_lost(number):
    """The line that tells how many before it were lost."""
    are = "is" if number == 1 else "are"
    lines = counted(number, "line")
    sentence = f"{lines} before this one {are} lost: standard error took no more."
    return json.dumps(_line(time.time(), "WARNING", sentence))


def set_up(level=logging.INFO):
    """Sends all lines of the server to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in _LOGGERS:
        own = logging.getLogger(name)
        own.handlers, own.propagate = [handler], False
        own.setLevel(level if name == logger.name else logging.WARNING)


def _line(seconds, level, message):
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    return {"time": moment, "level": level, "message": message}
