"""What flows from one action into the next, named so that two actions can be seen to fit.

These classes are never instantiated: an action names one as its `input_type` or `output_type`.
Derive your own from the one that it refines.
"""

__all__ = [
    "COCODataset",
    "DMDataset",
    "DMv1Dataset",
    "DMv2Dataset",
    "DataType",
    "Dataset",
    "InferenceResults",
    "Model",
    "ModelWeights",
    "ONNXModel",
    "PascalVOCDataset",
    "Result",
    "TensorRTModel",
    "TestResults",
    "YOLODataset",
]


class DataType:
    """Root of the semantic types."""

    @classmethod
    def is_compatible_with(cls, wanted: "type[DataType]") -> bool:
        """Whether data of this type may be given where `wanted` is asked for.

        A more special type may stand for a more general one, never the other way round: whoever
        asks for a YOLO dataset cannot read every dataset.
        """
        return issubclass(cls, wanted)


class Dataset(DataType):
    """Samples with annotations, in some format."""


class DMDataset(Dataset):
    """Dataset in the Datamaker format, of either version."""


class DMv1Dataset(DMDataset):
    """Dataset in version 1 of the Datamaker format: annotations keyed by asset."""


class DMv2Dataset(DMDataset):
    """Dataset in version 2 of the Datamaker format: annotations listed by kind."""


class YOLODataset(Dataset):
    """Dataset in the YOLO format: a `dataset.yaml`, and a text file of labels for each image."""


class COCODataset(Dataset):
    """Dataset in the COCO format: one JSON file of images, categories and annotations."""


class PascalVOCDataset(Dataset):
    """Dataset in the Pascal VOC format: an XML file for each image."""


class Model(DataType):
    """Something that can predict."""


class ModelWeights(Model):
    """Weights as the framework that trained them saves them."""


class ONNXModel(Model):
    """Model exported to ONNX."""


class TensorRTModel(Model):
    """Engine built by TensorRT for one kind of GPU."""


class Result(DataType):
    """What was found out."""


class TestResults(Result):
    """Measures of a model on data that it was not trained on."""

    __test__ = False  # pytest would take it for a test by its name


class InferenceResults(Result):
    """Predictions of a model."""
