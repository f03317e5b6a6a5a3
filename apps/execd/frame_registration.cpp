// The start code of static programs hands the unwinder all frames of the program, and the first exception
// then sorts them: milliseconds, and half a megabyte that every sandbox would hold. The linker has already
// made a sorted table (.eh_frame_hdr), which the unwinder takes when nothing was handed over. The linker's
// --wrap (apps/CMakeLists.txt) puts these in the place of the two functions that the start code calls.
extern "C" {
void __wrap___register_frame_info(const void*, void*) {}
void* __wrap___deregister_frame_info(const void*) { return nullptr; }
}
