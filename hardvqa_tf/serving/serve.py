"""Starts the server, and ends it when it is asked to: what is under way is finished first."""

import dataclasses
import gc
import logging
import os
import resource
import socket

import uvicorn

from hardvqa_tf.serving import logs
from hardvqa_tf.serving.app import make_app
from hardvqa_tf.serving.connections import bounded_protocol
from hardvqa_tf.serving.hosts import Hosts, is_loopback
from hardvqa_tf.serving.registry import open_models
from hardvqa_tf.serving.service import Service
from hardvqa_tf.stopping import on_signal
from records.regular import check_regular

TOKEN_VARIABLE = "HARDVQA_TOKEN"
_OTHER_FILES = 200  # that are open beside connections: models being read, libraries


def serve(
    model_dirs,
    limits,
    host="127.0.0.1",
    port=8501,
    labels=(),
    token_file=None,
    allowed_hosts=(),
    poll_seconds=2.0,
    report=print,
):
    """Serves models until SIGTERM or Ctrl-C.

    Args:
      model_dirs: list of folders, see `folders.find_models`.
      limits: `limits.Limits`.
      port: 0 for any that is free.
      labels: list of `label=version`, see `registry.open_models`.
      token_file: file that holds the token which requests must bear; None: the environment
        variable HARDVQA_TOKEN, or no token.
      allowed_hosts: names that requests may ask for, beside `host` and this machine's own,
        where there is no token; see `hosts.Hosts`.
      report: called with a line when it is ready.

    Raises:
      ValueError: nothing can be served.
      OSError: the address is taken.
    """
    token = read_token(token_file, os.environ.get(TOKEN_VARIABLE))
    logs.set_up()
    limits = dataclasses.replace(limits, max_connections=allow(limits.max_connections))
    listener = bind(host, port)  # Before models are loaded, which takes long.
    with listener:
        registry = open_models(model_dirs, labels, log=logs.logger.info)
        hosts = Hosts(host, allowed_hosts) if token is None else None
        service = Service(registry, limits, token, hosts, poll_seconds)
        # Python need not look through all of TensorFlow and the models again and again, during
        # which no thread runs, whenever requests bring many objects.
        gc.collect()
        gc.freeze()
        if token is None and not is_loopback(host):
            logs.logger.warning(
                "Anyone who reaches this machine may ask: set %s or --token_file.",
                TOKEN_VARIABLE,
            )
        server = uvicorn.Server(configure(make_app(service), limits))

        def stop():
            server.should_exit = True

        # uvicorn takes signals itself, and hands them on when it is done, to us: we have
        # nothing left to do, so that the process ends with 0.
        with on_signal(stop):
            listener.listen(limits.max_connections)
            report(f"Serving {_names(registry)} at {_url(listener)} (Ctrl-C ends it)")
            server.run(sockets=[listener])


def read_token(path, from_environment):
    """Bytes, or None. A token on a command line would be shown to everyone on the machine."""
    if path is None and from_environment is None:
        return None
    source, token = TOKEN_VARIABLE, from_environment or ""
    if path is not None:
        source = path
        check_regular(path)
        with open(path, encoding="utf-8") as file:
            token = file.read()
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(
            f"{source} must hold a token of visible ASCII characters. Make one: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return token.encode()


def allow(max_connections):
    """Lets this process open as many connections, and returns how many it really may."""
    wanted = max_connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) or hard >= wanted:
        most = wanted
    else:
        most = hard
        logs.logger.warning(
            "This process may open %d files, so there are few connections.", hard
        )
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(1, most - _OTHER_FILES)


def bind(host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(
            f"{host}, port {port}, cannot be listened at ({error.strerror}). Give another "
            "--port, or --host."
        ) from None
    return listener


def configure(app, limits):
    return uvicorn.Config(
        app,
        http=bounded_protocol(limits),
        ws="none",
        lifespan="on",
        log_config=None,
        log_level=logging.ERROR,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(limits.deadline_seconds) + 5,
    )


def _names(registry):
    return ", ".join(
        f"{model.name} (version {model.serving[-1]})" if model.serving else f"{model.name} (no)"
        for model in registry.models.values()
    )


def _url(listener):
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
