"""Places that a secret gets into before a text leaves the process: of errors, of log records, of addresses."""

import json
import os
from pathlib import Path
from urllib.parse import quote

import pytest

from tests import forked

SECRET = "s3cret/of+the=client&0123456789ab"
PASSWORD = "p4ssword-of-the-account-9876543210zy"
TRACES = (SECRET, PASSWORD, SECRET.encode().hex(), quote(SECRET, safe=""), "s3cret/of", "0123456789ab", "p4ssword-of")
HEAD = """
import asyncio, atexit, base64, gc, json, logging, os, sys, threading, warnings
secret = os.environ["CRM_CLIENT_SECRET"]


class Odd(Exception):
    def __repr__(self):
        return f"Odd<{secret}>"

    def __str__(self):
        return secret.encode().hex()


class Unraisable:
    def __del__(self):
        raise ValueError(secret)


def fail():
    raise ValueError(f"no {secret!r}")


def process(context, msg, cfg, snapshot):
    log, password = context.logger, cfg["password"]
"""
WAYS = {
    "a group of errors": "raise ExceptionGroup(secret, [ValueError(password), ExceptionGroup('x', [Odd()])])",
    "a note": "e = ValueError('x'); e.add_note(json.dumps({'a': secret})); raise e",
    "a cause": "try: fail()\n    except ValueError as e: raise KeyError({'a': password}) from e",
    "a context": "try: fail()\n    except ValueError: raise RuntimeError(base64.b64encode(secret.encode()))",
    "hexadecimal": "raise Odd",
    "the text of an exit": "sys.exit(secret)",
    "an error in parts": "context.emit('error', {'name': secret, 'message': {'x': [secret]}, 'stack': password})",
    "a rebound": "context.emit('rebound', secret)",
    "arguments": "log.info('%s %r %s', secret, password, {'a': [secret.encode()]})",
    "arguments that do not fit": "log.info('%d', secret); log.info('%s %s', secret)",
    "fields": "log.info('x', extra={'a': {'b': [secret]}, 'name': secret, 'o': Odd(), 'x': secret.encode()})",
    "names of fields": "log.info('x', extra={secret: {password: 1}})",
    "fields of a child": "log.child({'a': secret, password: 1, 'name': secret}).info('x')",
    "names of loggers": "log.getChild(secret).info('x'); logging.getLogger(password).error('x')",
    "an exception in a log": "try: fail()\n    except ValueError as e: log.exception(secret, extra={'e': e})",
    "a stack in a log": "(lambda a: log.info('x', stack_info=True))(secret)",
    "a warning": "warnings.warn(secret); warnings.warn_explicit(password, UserWarning, secret, 1)",
    "a thread": "t = threading.Thread(target=fail, name=secret); t.start(); t.join()",
    "a destructor": "Unraisable(); gc.collect()",
    "an exit function": "atexit.register(fail)",
    "the address of a request": "context.oauth2(cfg).get(f'http://u:{secret}@127.0.0.1:9/p?q={password}#{secret}')",
    "a header of a request": "context.oauth2(cfg).get('http://127.0.0.1:9/', headers={'X-A': secret + '\\n'})",
    "another library": "import requests; requests.get('http://127.0.0.1:9/' + password, params={'q': secret})",
    "a value of no message": "context.emit('data', {'body': {1: secret, 'o': Odd()}})",
    "a parser": "json.loads(secret)",
    "a decoder": "raise UnicodeDecodeError('utf-8', secret.encode() + b'\\xff', 33, 34, password)",
    "a missing name": "{}[secret]",
    "a missing attribute": "getattr(object(), secret)",
    "a missing file": "open('/nothing/' + password)",
}


@pytest.mark.parametrize("way", WAYS)
def test_exec_at_trace_shows_no_part_of_a_secret(way: str, tmp_path: Path) -> None:
    """On neither output."""
    oauth2 = {"token_uri": "https://a.test/t", "auth_uri": "https://a.test/a", "client_id": "i", "client_secret": "s"}
    descriptor = {
        "title": "t",
        "credentials": {"fields": {"password": {"label": "P", "viewClass": "PasswordFieldView"}}, "oauth2": oauth2},
        "actions": {"a": {"title": "A", "main": "./act.py", "metadata": {"in": {}, "out": {}}}},
    }
    (tmp_path / "component.json").write_text(json.dumps(descriptor))
    (tmp_path / "act.py").write_text(f"{HEAD}    {WAYS[way]}\n")
    cfg = {"password": PASSWORD, "oauth": {"access_token": "t0ken-1234567"}}
    ended = forked.run(
        "shipmate",
        *("exec", "a", "--cfg", "-"),
        loaded=forked.COMMANDS,
        cwd=tmp_path,
        env={**os.environ, "CRM_CLIENT_SECRET": SECRET, "LOG_LEVEL": "trace"},
        input=json.dumps(cfg),
    )
    shown = ended.stdout + ended.stderr
    assert not [trace for trace in (*TRACES, "t0ken-123") if trace in shown]
