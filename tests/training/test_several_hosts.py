"""Several machines: here two processes on one, which talk over its loopback."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest

from hardvqa_tf.training.loop import train_model
from tests.conftest import tiny_config
from tests.training.runs import ROOT, final_weights

# Arguments: records_dir, workdir, the step at which the process sends itself a signal, or -1,
# and the signal's name.
HOST = """
import os, signal, sys
from hardvqa_tf.stopping import Stopped
from hardvqa_tf.training.loop import train_model
from hardvqa_tf.training.steps import TrainSteps
from tests.training.test_several_hosts import host_config

do_step, at_step = TrainSteps.__call__, int(sys.argv[3])
def step(self, number, *args):
    if number == at_step:
        os.kill(os.getpid(), getattr(signal, sys.argv[4]))
    return do_step(self, number, *args)
TrainSteps.__call__ = step
try:
    train_model(host_config(sys.argv[1]), sys.argv[2])
except Stopped as stopped:
    print(stopped)
    sys.exit(75)
"""


def host_config(records_dir):
    config = tiny_config(records_dir)
    config.train.batch_size = 10  # 24 images: the last batch is filled
    config.train.ema_decay = 0.9
    config.train.augmentation.shift = 2
    config.model.classifier.dropout = 0.0  # drawn alike on all devices
    return config


def free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def run_hosts(records_dir, workdir, at_step=-1, signal_name=""):
    """Two processes, the second of which gets a signal. Returns exit codes and outputs."""
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    hosts = []
    for index in range(2):
        task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        arguments = [records_dir, str(workdir), str(at_step if index else -1), signal_name]
        process = subprocess.Popen(
            [sys.executable, "-c", HOST, *arguments],
            cwd=ROOT,
            env=os.environ | {"TF_CONFIG": json.dumps(task)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        hosts.append(process)
    try:
        outputs = [host.communicate(timeout=600)[0] for host in hosts]
    finally:
        for host in hosts:
            host.kill()
    return [host.returncode for host in hosts], outputs


@pytest.mark.slow
def test_a_lost_machine_ends_the_others_and_all_go_on(records_dir, tmp_path):
    """To the weights that one process has with the same batches.

    The second host is asked to stop, and both do at the same step; then it dies in the second
    epoch, and the first says that it can be started again; both are, and end with the run that
    was never disturbed.
    """
    codes, (chief, other) = run_hosts(records_dir, tmp_path / "hosts", 1, "SIGTERM")
    assert codes == [75, 75], chief
    for text in (chief, other):
        assert "Stopped and saved after" in text and "steps of epoch 1" in text
    codes, (chief, _) = run_hosts(records_dir, tmp_path / "hosts", 4, "SIGKILL")
    assert codes == [75, -9], chief
    assert "on 2 devices; going on after epoch 0 and" in chief
    assert "epoch 1/2" in chief and "epoch 2/2" not in chief
    assert "Another machine of this run is gone" in chief
    codes, (chief, other) = run_hosts(records_dir, tmp_path / "hosts")
    assert codes == [0, 0], chief
    assert "going on after epoch 1" in chief and "epoch 2/2" in chief and other == ""

    train_model(host_config(records_dir), str(tmp_path / "one"), report=lambda line: None)
    found, expected = final_weights(tmp_path / "hosts"), final_weights(tmp_path / "one")
    assert found.keys() == expected.keys() and len(found) > 30
    for name in set(found) - {"_sums/.ATTRIBUTES/VARIABLE_VALUE"}:
        # float32, added up in another order.
        np.testing.assert_allclose(found[name], expected[name], atol=2e-6, err_msg=name)
