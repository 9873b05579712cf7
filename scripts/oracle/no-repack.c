// Preloaded under llama-bench, which has no flag for it: keeps llama.cpp from
// copying weights into another layout when it loads them (its other programs
// have --no-repack).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <llama.h>

struct llama_model_params llama_model_default_params(void) {
    struct llama_model_params (*real)(void) =
        (struct llama_model_params (*)(void))dlsym(RTLD_NEXT, "llama_model_default_params");
    struct llama_model_params params = real();
    params.use_extra_bufts = false;
    return params;
}
