// A sound shared library that is not ONNX Runtime.
int unrelated_answer(void) { return 42; }
