"""The data sets: MNIST and its two look-alikes, the embedded 8x8 digits, and a folder of the user's own images."""

from rdcbench_mnist.data.digits8x8 import Digits8x8
from rdcbench_mnist.data.idx_sets import FashionMnist, Kmnist, Mnist
from rdcbench_mnist.data.image_folder import ImageFolder

DATASETS = (Mnist, FashionMnist, Kmnist, Digits8x8, ImageFolder)

__all__ = ["DATASETS", "Digits8x8", "FashionMnist", "ImageFolder", "Kmnist", "Mnist"]
