"""No crash, no 5xx but 503, memory flat: whatever is sent."""

import pytest

from tests.serving import fuzz
from tests.serving.fakes import make_service, open_client


def test_some_hundred_requests_that_nobody_would_write(client):
    codes, _ = fuzz.run(client, 300, seed=1)
    assert codes[200] > 20 and codes[400] > 100
    client.service.images.max_bytes = 0
    assert client.service.held_bytes == 0 == client.service.batches.waiting


@pytest.mark.slow
def test_10_000_requests_leave_memory_flat(tiny_servable):
    with open_client(make_service(tiny_servable, image_memory_mb=1)) as client:
        _, memory = fuzz.run(client, 10_000, seed=2)
    # Allocators settle in the first fifth. A leak of a kilobyte a request would be 8 MiB.
    assert max(memory[2:]) - memory[1] < 8, memory
