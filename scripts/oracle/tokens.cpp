// Asks llama.cpp for the tokens of texts, for tests/tokenizers of llm-engine.
//
//   tokens VOCABULARY PRE TEXTS    ids of each text, one line a text
//
// PRE takes the place of the file's tokenizer.ggml.pre (- leaves it). TEXTS is
// a file with a zero byte after each text. Special text is not parsed and
// nothing is added.

#include "llama.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

int main(int argc, char ** argv) {
    if (argc != 4) return std::fprintf(stderr, "usage: tokens VOCABULARY PRE TEXTS\n"), 2;
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    llama_model_kv_override overrides[2] = {};
    overrides[0].tag = LLAMA_KV_OVERRIDE_TYPE_STR;
    std::snprintf(overrides[0].key, sizeof overrides[0].key, "tokenizer.ggml.pre");
    std::snprintf(overrides[0].val_str, sizeof overrides[0].val_str, "%s", argv[2]);
    llama_model_params wanted = llama_model_default_params();
    wanted.vocab_only = true;
    if (std::strcmp(argv[2], "-") != 0) wanted.kv_overrides = overrides;
    llama_model * model = llama_model_load_from_file(argv[1], wanted);
    if (!model) return std::fprintf(stderr, "tokens: llama.cpp cannot load %s\n", argv[1]), 1;
    const llama_vocab * vocab = llama_model_get_vocab(model);

    std::ifstream file(argv[3], std::ios::binary);
    std::string text;
    while (std::getline(file, text, '\0')) {
        std::vector<llama_token> ids(text.size() + 16);
        const int count = llama_tokenize(vocab, text.data(), text.size(), ids.data(), ids.size(), false, false);
        if (count < 0) return std::fprintf(stderr, "tokens: a text has too many tokens\n"), 1;
        for (int i = 0; i < count; ++i) std::printf(i ? " %d" : "%d", ids[i]);
        std::printf("\n");
    }
    llama_model_free(model);
    return 0;
}
