"""`make clients`: clients in other languages against the whole stack. Needs Node.js and npm.

Voucherify's official Node.js client tells the seeds' story; a TypeScript client is generated from
/openapi.json, checked in strict mode, and runs the main job."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from cli.stack.ports import Ports
from cli.stack.stack import Stack

HERE = Path(__file__).parent / "javascript"
TYPESCRIPT = (
    *("--strict", "--noEmit", "--skipLibCheck", "--target", "es2022", "--module", "esnext"),
    *("--moduleResolution", "bundler", "--lib", "es2022,dom,dom.iterable"),
)


def main() -> int:
    """0 when both clients came to the end of their story."""
    if shutil.which("npm") is None:
        print("npm is not here: install Node.js 20 or newer, then run this again.")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        room = Path(shutil.copytree(HERE, Path(folder) / "clients"))
        run(room, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent")
        with Stack(Path(folder) / "stack", Ports.free(), say=print) as stack:
            assert stack.info.api
            url = stack.info.api.url
            caller = (url, stack.info.app_id, stack.info.app_token)
            print("\nVoucherify's official client for Node.js, 5.2.0", flush=True)
            run(room, "node", "story.mjs", *caller)
            print("\nA TypeScript client, generated from /openapi.json", flush=True)
            generate(room, url)
            run(room, "node", "generated.mjs", *caller)
    return 0


def generate(room: Path, url: str) -> None:
    """The client from the document that the API serves, type-checked with its user."""
    document = httpx.get(f"{url}/openapi.json", timeout=60).raise_for_status().content
    (room / "openapi.json").write_bytes(document)
    generator = ("-i", "openapi.json", "-o", "client", "-c", "@hey-api/client-fetch", "--silent")
    run(room, "npx", "openapi-ts", *generator)
    run(room, "npx", "tsc", *TYPESCRIPT, "generated.ts")
    bundle = ("--bundle", "--format=esm", "--platform=node", "--outfile=generated.mjs")
    run(room, "npx", "esbuild", "generated.ts", *bundle, "--log-level=warning")


def run(room: Path, *command: str) -> None:
    """Run a command to its end; a failure ends everything."""
    subprocess.run(command, cwd=room, check=True)


if __name__ == "__main__":
    sys.exit(main())
