#!/usr/bin/env python3
"""Injects the messages of a torture manifest into an element and judges the answers.

Source: trunkd test corpus, tools/torture_inject.py; laid out anew, the paths are arguments.

  torture_inject.py --manifest FILE --dst 127.0.0.1:15060 [--tls 127.0.0.1:15061] [--only a,b] [--json OUT]

UDP is sent from 127.0.0.1:<replyTo.port>; where that port is taken, from any ("nobind": the answer may go
astray). Verdicts: pass; fail (a code that is never right, one that is not allowed, or no answer where one
is due); info. After every message a plain OPTIONS must get a final answer (alive).
"""
import argparse
import json
import os
import re
import socket
import ssl
import time

parser = argparse.ArgumentParser()
parser.add_argument('--manifest', required=True)
parser.add_argument('--dst', required=True)
parser.add_argument('--tls')
parser.add_argument('--only')
parser.add_argument('--json')
parser.add_argument('--wait', type=float, default=1.0)
args = parser.parse_args()


def address(text):
    host, port = text.rsplit(':', 1)
    return host, int(port)


DST = address(args.dst)
TLS = address(args.tls) if args.tls else None
PING = 'sip:ping@127.0.0.1'


def codes(data):
    return [int(x) for x in re.findall(rb'(?m)^SIP/2\.0 (\d{3}) ', data)]


def alive():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        s.settimeout(2)
        tag = os.urandom(5).hex()
        port = s.getsockname()[1]
        lines = [
            f'OPTIONS {PING} SIP/2.0',
            f'Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{tag}',
            'Max-Forwards: 70',
            f'From: <sip:t@t.test>;tag={tag}',
            f'To: <{PING}>',
            f'Call-ID: {tag}',
            'CSeq: 1 OPTIONS',
            'Content-Length: 0',
        ]
        s.sendto('\r\n'.join([*lines, '', '']).encode(), DST)
        try:
            return bool(codes(s.recv(65535)))
        except OSError:
            return False


def is_final(got):
    return any(code >= 200 for code in got)


def over_udp(message, data):
    note, got = '', []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(('127.0.0.1', (message.get('replyTo') or {}).get('port', 5060)))
        except OSError:
            s.bind(('127.0.0.1', 0))
            note = 'nobind'
        s.settimeout(args.wait)
        s.sendto(data, DST)
        end = time.time() + args.wait
        while time.time() < end and not is_final(got):
            try:
                got += codes(s.recv(65535))
            except OSError:
                break
    return got, False, note


def over_stream(message, data):
    secure = message['transport'] == 'TLS' and TLS is not None
    s = socket.create_connection(TLS if secure else DST, timeout=2)
    if secure:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        s = context.wrap_socket(s, server_hostname='registrar.test')
    closed, buffer = False, b''
    with s:
        s.settimeout(args.wait)
        s.sendall(data)
        end = time.time() + args.wait
        while time.time() < end and not is_final(codes(buffer)):
            try:
                part = s.recv(65535)
            except OSError:
                break
            if not part:
                closed = True
                break
            buffer += part
    return codes(buffer), closed, ''


def judge(message, got, note):
    if message['kind'] == 'response':
        return 'fail' if got else 'pass'
    allowed = (message['uas'] or []) + message.get('alsoOk', [])
    never = [code for code in message.get('never', []) if isinstance(code, int)]
    final = [code for code in got if code >= 200]
    if final:
        return 'pass' if final[0] in allowed and final[0] not in never else 'fail'
    if 'drop' in allowed:
        return 'pass'
    return 'info' if note else 'fail'


results = []
folder = os.path.dirname(args.manifest)
for message in json.load(open(args.manifest, encoding='utf8'))['messages']:
    if args.only and message['name'] not in args.only.split(','):
        continue
    with open(os.path.join(folder, os.path.basename(message['file'])), 'rb') as file:
        data = file.read()
    try:
        send = over_udp if message['transport'] == 'UDP' else over_stream
        got, closed, note = send(message, data)
    except OSError as error:
        got, closed, note = [], False, repr(error)
    is_alive = alive()
    verdict = judge(message, got, note) if is_alive else 'fail'
    allowed = (message['uas'] or []) + message.get('alsoOk', [])
    row = {
        'name': message['name'],
        'transport': message['transport'],
        'got': got,
        'allowed': allowed,
        'closed': closed,
        'alive': is_alive,
        'verdict': verdict,
        'note': note,
    }
    results.append(row)
    print(f"{verdict:5} {row['name']:30} {row['transport']:4} got={got} allowed={allowed} {note}")

if args.json:
    with open(args.json, 'w', encoding='utf8') as file:
        json.dump(results, file, indent=1)
