import argparse
import configparser
import os
import urllib.request
from wsgiref.simple_server import make_server


def greeting():
    settings = configparser.ConfigParser()
    settings.read(os.environ["SHELF_SETTINGS"])
    return settings["shelf"]["greeting"]


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{greeting()} from {os.environ['VERSION']} at {environ['PATH_INFO']}\n".encode()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--health", action="store_true")
    options = parser.parse_args()
    if options.health:
        print(urllib.request.urlopen(f"http://127.0.0.1:{options.port}/health", timeout=3).read().decode(), end="")
        return
    with make_server("127.0.0.1", options.port, application) as server:
        print("ready", flush=True)
        server.serve_forever()
