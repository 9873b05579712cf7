// Whether llama.cpp loads a model's file: its metadata, its vocabulary, and the names and shapes of
// its tensors, none of which is read. lib/headers.py calls it.
#include "llama.h"

extern "C" int loads(const char * path) {
    llama_backend_init();
    llama_model_params params = llama_model_default_params();
    params.no_alloc = true;
    params.load_mode = LLAMA_LOAD_MODE_NONE;
    params.n_gpu_layers = 0;
    llama_model * model = llama_model_load_from_file(path, params);
    if (model == nullptr) {
        return 0;
    }
    llama_model_free(model);
    return 1;
}
