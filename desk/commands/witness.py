"""``hedui witness serve``: a reviewer's own witness, on the reviewer's own machine.

Source: design.md 4.8.
It asks processes for their newest checkpoint and the proof from what it saw last, keeps what
extends it, cosigned under the reviewer's key, and keeps both sides of what does not. The
cosignature is left with the process as well, so that its bundles show it to everybody. Nobody in
the federation has a say in what it remembers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from desk.command import options

if TYPE_CHECKING:
    from crypto.signing import SigningKey
    from desk.client.acting import Acting
    from ledger.witness import Witness
    from ledger.witness_files import FileMemory

CONTRADICTED = 20
Processes = Annotated[list[str] | None, typer.Argument(help="Processes, by name; default: all.")]
Folder = Annotated[Path, typer.Option("--to", help="The witness's memory; made if not there.")]
Every = Annotated[float, typer.Option("--every-s", min=1, help="How often to ask, seconds.")]
Once = Annotated[bool, typer.Option("--once", help="Ask each once. Exit code 20: contradicted.")]


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    group = typer.Typer(help="A reviewer's own witness (见证).", no_args_is_help=True)
    group.command("serve")(serve)
    group.callback()(lambda: None)
    app.add_typer(group, name="witness")


def serve(
    context: typer.Context,
    to: Folder,
    processes: Processes = None,
    every_s: Every = 60.0,
    once: Once = False,
) -> None:
    """Watch ledgers: see that each only ever grows. Goes on until it is stopped."""
    import time

    from desk.client.acting import act

    with act(options(context)) as acting:
        witness, memory = _open(acting, to)
        names = processes or [each.name for each in acting.federation.process]
        while True:
            good = [_one(acting, witness, memory, name) for name in names]
            if once:
                raise typer.Exit(0 if all(good) else CONTRADICTED)
            time.sleep(every_s)


def _open(acting: "Acting", folder: Path) -> "tuple[Witness, FileMemory]":
    """Memory and key of this witness. One key has one memory: another's folder is refused."""
    from ledger.witness import Witness
    from ledger.witness_files import FileMemory
    from runtime.errors import SettingsError
    from runtime.site.endpoints import write_atomically
    from runtime.witness.service import log_verifiers, witness_name

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    memory = FileMemory(folder)
    name = witness_name(acting.federation.name, acting.identity.name)
    logs = log_verifiers(acting.federation)
    witness = Witness(name, _key(acting, folder), logs=logs, store=memory)
    path, vkey = folder / "witness.vkey", witness.verifier.vkey()
    if path.is_file() and path.read_text().strip() != vkey:
        raise SettingsError(f"{folder} is the memory of another witness; name another folder")
    write_atomically(path, vkey.encode() + b"\n")
    return witness, memory


def _key(acting: "Acting", folder: Path) -> "SigningKey":
    """The key that the federation file pins for this reviewer; where it pins none, the folder's."""
    from crypto.rng import system_rng
    from crypto.signing import SigningKey
    from runtime.errors import KeyFileError
    from runtime.site.identity import read_secret, write_secret

    if acting.member.cosign_key:
        if acting.identity.cosign_key is None:
            name = acting.identity.name
            raise KeyFileError(
                f"people/{name}/cosign.key is missing: the federation file pins it for the witness "
                f"of {name}. Run the witness where it lies, or put it back"
            )
        return acting.identity.cosign_key
    path = folder / "witness.key"
    if not path.exists():
        write_secret(path, system_rng(32))
    typer.echo(
        "the federation file pins no key for this witness: processes do not take its cosignatures, "
        f"and they count only with --key {folder / 'witness.vkey'}",
        err=True,
    )
    return SigningKey(read_secret(path))


def _one(acting: "Acting", witness: "Witness", memory: "FileMemory", process: str) -> bool:
    """Ask one process; False where what it shows does not hold, or contradicts what was seen."""
    from crypto.errors import CryptoError
    from hedui.v1 import ledger_pb2 as pb
    from hedui.v1.ledger_pb2_grpc import LedgerServiceStub
    from ledger.checkpoint import origin_of, unverified
    from runtime.errors import CallError, SettingsError

    seen = memory.load(origin_of(acting.federation.name, process))
    old = seen.checkpoint.size if seen else 0
    try:
        request = pb.GetCheckpointRequest()
        note = acting.call(process, LedgerServiceStub, "GetCheckpoint", request).checkpoint
        size = unverified(note)[0].size
        proof = _proof(acting, process, old, size)
        now_s = int(acting.clock.now().timestamp())
        signature = witness.cosign(note, proof, now_s=now_s)
        memory.keep_cosigned(note, signature)
    except CryptoError as error:
        if seen is not None:
            memory.keep_fork(seen.checkpoint.origin, seen.note, note)
        typer.echo(f"{process}: CONTRADICTED: {error}; what it showed is kept", err=True)
        return False
    except (CallError, SettingsError) as error:
        typer.echo(f"{process}: not seen: {error}", err=True)
        return True
    left = _leave(acting, process, size, signature.line()) if acting.member.cosign_key else ""
    typer.echo(f"{process}: {size} entries, {size - old} new{left}")
    return True


def _leave(acting: "Acting", process: str, size: int, line: bytes) -> str:
    """Leave the cosignature with the log that it is about; say so where that does not succeed."""
    from hedui.v1 import ledger_pb2 as pb
    from hedui.v1.ledger_pb2_grpc import WitnessServiceStub
    from runtime.errors import CallError

    request = pb.KeepCosignatureRequest(size=size, cosignature=line)
    try:
        acting.call(process, WitnessServiceStub, "KeepCosignature", request)
    except CallError as error:
        return f" (it did not keep the cosignature: {error})"
    return ""


def _proof(acting: "Acting", process: str, old: int, new: int) -> Sequence[bytes]:
    from hedui.v1 import ledger_pb2 as pb
    from hedui.v1.ledger_pb2_grpc import LedgerServiceStub

    if not 0 < old < new:
        return []
    request = pb.GetConsistencyProofRequest(old_size=old, new_size=new)
    reply = acting.call(process, LedgerServiceStub, "GetConsistencyProof", request)
    return list(reply.path)
