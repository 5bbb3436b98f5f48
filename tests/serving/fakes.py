"""Models without TensorFlow, that are as slow as a test wants, and a client for an app."""

import base64
import contextlib
import threading

import numpy as np
from starlette.testclient import TestClient

from hardvqa_tf.serving.app import make_app
from hardvqa_tf.serving.limits import Limits
from hardvqa_tf.serving.refusals import BadRows
from hardvqa_tf.serving.registry import AVAILABLE, Model, Registry, Version
from hardvqa_tf.serving.service import Service
from hardvqa_tf.serving.signatures import Tensor


def tensor(name, dtype, *shape):
    return Tensor(name, np.dtype(object if dtype == "string" else dtype), shape)


class FakeSignature:
    """Answers with the questions in capitals; rows of the image b"\\xff..." are refused.

    Attributes:
      batches: list of the questions of every call that was made.
      gate: calls wait for it.
    """

    def __init__(self, gives_status=True, is_joinable=True, name="serving_default"):
        self.name, self.is_joinable, self.gives_status = name, is_joinable, gives_status
        self.task, self.status_rank = None, 1
        self.inputs = {
            "image": tensor("image", "string", None),
            "question": tensor("question", "string", None),
        }
        self.outputs = {"answer": tensor("answer", "string", None)}
        if gives_status:
            self.outputs["status"] = tensor("status", "string", None)
        self.batches, self.gate, self.entered = [], threading.Event(), threading.Event()
        self.gate.set()
        self.error = None

    def __call__(self, columns):
        questions = columns["question"]
        self.batches.append([q.decode() for q in questions])
        self.entered.set()
        if not self.gate.wait(600):
            raise TimeoutError("A test forgot to open the gate.")
        if self.error:
            raise self.error
        if any(image.endswith(b"bad") for image in columns["image"]):
            raise BadRows("bad image in the batch")
        outputs = {"answer": np.array([q.upper() for q in questions], object)}
        if self.gives_status:
            outputs["status"] = np.array([b"ok"] * len(questions), object)
        return outputs


class FakeServable:
    def __init__(self, *signatures, name="fake", version=1):
        self.name, self.version, self.users = name, version, 0
        self.signatures = {s.name: s for s in signatures}
        self.signature_defs = {s.name: {} for s in signatures}
        self.task, self.card, self.examples = None, None, []


class Served(Model):
    """A model with one version, which no folder holds."""

    def __init__(self, servable):
        super().__init__(servable.name, "nowhere")
        self._serving = {servable.version: servable}
        self._versions = {
            servable.version: Version(servable.version, "nowhere", AVAILABLE, servable=servable)
        }


def make_service(*servables, token=None, hosts=None, **limits):
    """Without a deadline that a slow machine could pass, but where a test gives one."""
    limits = {"deadline_seconds": 600.0} | limits
    models = {servable.name: Served(servable) for servable in servables}
    return Service(Registry(models), Limits(**limits), token, hosts)


@contextlib.contextmanager
def open_client(service):
    """A client of the app, for any number of threads; all share one event loop."""
    with TestClient(make_app(service), raise_server_exceptions=False) as client:
        client.service = service
        yield client


def b64(encoded):
    return {"b64": base64.b64encode(encoded).decode()}


def ask_in_thread(client, path, content):
    """Posts in a thread of its own; `.response` once joined."""

    def post():
        thread.response = client.post(path, json=content)

    thread = threading.Thread(target=post)
    thread.start()
    return thread
