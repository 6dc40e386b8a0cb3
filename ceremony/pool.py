"""Worker processes for the search of primes, ended as soon as it is over."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def prime_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Yield a pool of fresh processes (``spawn``: nothing is inherited); it does not linger."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(max_workers=workers, mp_context=context)
    try:
        yield pool
    finally:
        # A search that lost the race would go on for seconds; nobody waits for it.
        children = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.terminate()
