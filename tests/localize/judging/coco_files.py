"""Small files in COCO's two forms, typed by hand."""


def truth(*boxes, images=None, categories=(7,), **more):
    """Ground truth: a box is (image id, [x, y, width, height], and what else it has)."""
    annotations = []
    for number, (image, box, *own) in enumerate(boxes, start=1):
        annotation = {
            "id": number,
            "image_id": image,
            "category_id": categories[0],
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
        }
        annotations.append(annotation | (own[0] if own else {}))
    ids = images or sorted({image for image, *_ in boxes})
    return {
        "images": [{"id": i, "width": 200, "height": 100} for i in ids],
        "categories": [{"id": i, "name": f"class {i}"} for i in categories],
        "annotations": annotations,
        **more,
    }


def found(*boxes, category=7):
    """Results: a box is (image id, [x, y, width, height], score)."""
    return [
        {"image_id": image, "category_id": category, "bbox": box, "score": score}
        for image, box, score in boxes
    ]
