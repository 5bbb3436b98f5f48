import pytest

from hardvqa_tf.localize.judging.areas import terciles


def test_thirds_of_the_objects():
    """Of nine, three each; bounds lie between the areas."""
    areas = terciles([900, 100, 300, 200, 500, 400, 600, 800, 700])
    assert areas == {
        "_smallest": (0.0, 350.0),
        "_middle": (350.0, 650.0),
        "_largest": (650.0, 1e10),
    }


@pytest.mark.parametrize(
    ("areas", "bounds"),
    [
        ([1, 2, 2, 2, 2, 3], (1.5, 2.5)),  # the equal ones stay together
        ([1, 1, 1, 1, 2, 3], (1.5, 2.5)),
        ([1, 2, 3, 3, 3, 3], (1.5, 2.5)),
        ([1, 2, 3], (1.5, 2.5)),
        ([1, 2, 3, 4], (1.5, 3.5)),
        ([1, 2, 3, 4, 5], (2.5, 3.5)),
    ],
)
def test_where_it_is_cut(areas, bounds):
    found = terciles(areas)
    assert (found["_smallest"][1], found["_middle"][1]) == bounds
    counts = [sum(low <= area <= high for area in areas) for low, high in found.values()]
    assert sum(counts) == len(areas) and min(counts) >= 1


@pytest.mark.parametrize("areas", [[], [5.0], [5.0, 5.0, 7.0, 7.0]])
def test_fewer_than_three_areas_have_no_thirds(areas):
    assert terciles(areas) == {}
