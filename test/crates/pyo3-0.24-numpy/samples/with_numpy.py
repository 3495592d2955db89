"""A package with extension modules: wheels for both sides, from one list of requirements."""
# title: numpy
# timeout: 300
import numpy

numbers = numpy.arange(12, dtype=numpy.int64).reshape(3, 4)
print(numpy.__version__, numbers.sum(axis=0).tolist(), (numbers @ numbers.T).tolist())
print(numpy.linalg.det(numpy.array([[2.0, 0.0], [0.0, 3.0]])))
print(numpy.__file__)
