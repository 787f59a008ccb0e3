//! JSON as these consoles and their clients write it: a lenient reader that copies nothing, and a writer.
