// Asks llama.cpp what its samplers make of random logits. Leaves the cases to
// crates/llm-engine/tests/samplers/cases.json, and reading what comes out to
// crates/llm-engine/tests/samplers.rs. README.md beside the cases has the
// format of both.
//
//   samplers CASES VOCABULARIES LABEL OUT

#include "llama.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using json = nlohmann::ordered_json;

// splitmix64 (Steele, Lea & Flood 2014); 24 bits of each number become a logit.
struct Random {
    uint64_t state;

    float logit(float scale) {
        state += 0x9e3779b97f4a7c15;
        uint64_t bits = state;
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
        bits ^= bits >> 31;
        const int32_t whole = int32_t(bits >> 40) - (1 << 23);
        return float(whole) / float(1 << 23) * scale;
    }
};

struct Vocabulary {
    llama_model * model = nullptr;

    explicit Vocabulary(const std::string & path) {
        llama_model_params wanted = llama_model_default_params();
        wanted.vocab_only = true;
        model = llama_model_load_from_file(path.c_str(), wanted);
        if (!model) throw std::runtime_error("llama.cpp cannot load " + path);
    }

    ~Vocabulary() { llama_model_free(model); }
};

llama_sampler * dry(const json & one, const llama_vocab * vocab) {
    std::vector<std::string> texts = one.value("dry_sequence_breakers", std::vector<std::string>());
    std::vector<const char *> breakers;
    for (const auto & text : texts) breakers.push_back(text.c_str());
    return llama_sampler_init_dry(vocab, one.value("dry_multiplier", 0.0f), one.value("dry_base", 1.75f),
        one.value("dry_allowed_length", 2), one.value("dry_penalty_last_n", 64),
        breakers.data(), breakers.size());
}

// One sampler of a chain, by its name in llama.cpp's `--samplers`.
llama_sampler * sampler(const std::string & name, const json & one, int32_t size, const llama_vocab * vocab) {
    const size_t keep = one.value("min_keep", 0);
    const uint32_t seed = one.at("seed");
    if (name == "penalties") {
        return llama_sampler_init_penalties(size, one.value("repeat_last_n", 64), one.value("repeat_penalty", 1.0f),
            one.value("frequency_penalty", 0.0f), one.value("presence_penalty", 0.0f));
    }
    if (name == "dry") return dry(one, vocab);
    if (name == "top_n_sigma") return llama_sampler_init_top_n_sigma(one.value("top_n_sigma", -1.0f));
    if (name == "top_k") return llama_sampler_init_top_k(one.value("top_k", 0));
    if (name == "typ_p") return llama_sampler_init_typical(one.value("typical_p", 1.0f), keep);
    if (name == "top_p") return llama_sampler_init_top_p(one.value("top_p", 1.0f), keep);
    if (name == "min_p") return llama_sampler_init_min_p(one.value("min_p", 0.0f), keep);
    if (name == "xtc") {
        return llama_sampler_init_xtc(one.value("xtc_probability", 0.0f), one.value("xtc_threshold", 0.1f), keep, seed);
    }
    if (name == "temperature") {
        return llama_sampler_init_temp_ext(one.value("temperature", 1.0f), one.value("dynatemp_range", 0.0f),
            one.value("dynatemp_exponent", 1.0f));
    }
    throw std::runtime_error("no sampler is called " + name);
}

// The chain that common_sampler_init (common/sampling.cpp) makes.
llama_sampler * chain_of(const json & one, int32_t size, const llama_vocab * vocab) {
    const uint32_t seed = one.at("seed");
    llama_sampler * chain = llama_sampler_chain_init(llama_sampler_chain_default_params());
    std::vector<llama_logit_bias> biases;
    for (const auto & pair : one.value("logit_bias", json::array())) {
        const float bias = pair[1].is_boolean() ? -INFINITY : pair[1].get<float>();
        biases.push_back({pair[0].get<llama_token>(), bias});
    }
    llama_sampler_chain_add(chain, llama_sampler_init_logit_bias(size, biases.size(), biases.data()));
    const int mirostat = one.value("mirostat", 0);
    const float tau = one.value("mirostat_tau", 5.0f), eta = one.value("mirostat_eta", 0.1f);
    if (mirostat != 0) {
        llama_sampler_chain_add(chain, llama_sampler_init_temp(one.value("temperature", 1.0f)));
        llama_sampler_chain_add(chain, mirostat == 1
            ? llama_sampler_init_mirostat(size, seed, tau, eta, 100)
            : llama_sampler_init_mirostat_v2(seed, tau, eta));
        return chain;
    }
    static const std::vector<std::string> usual = {
        "penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature",
    };
    bool is_adaptive = false;
    for (const auto & name : one.value("samplers", usual)) {
        if (name == "adaptive_p") is_adaptive = true;
        else llama_sampler_chain_add(chain, sampler(name, one, size, vocab));
    }
    llama_sampler_chain_add(chain, is_adaptive
        ? llama_sampler_init_adaptive_p(one.value("adaptive_target", -1.0f), one.value("adaptive_decay", 0.9f), seed)
        : llama_sampler_init_dist(seed));
    return chain;
}

// The distribution of each step, and the token that was drawn from it.
json steps_of(const json & one) {
    const int32_t size = one.at("vocabulary");
    llama_sampler * chain = chain_of(one, size, nullptr);
    for (const auto & token : one.value("history", json::array())) llama_sampler_accept(chain, token);
    Random random{one.at("seed").get<uint64_t>()};
    const float scale = one.at("scale");
    json steps = json::array();
    for (int step = 0; step < one.value("steps", 1); step++) {
        std::vector<llama_token_data> data;
        for (int32_t id = 0; id < size; id++) data.push_back({id, random.logit(scale), 0.0f});
        llama_token_data_array left = {data.data(), data.size(), -1, false};
        llama_sampler_apply(chain, &left);
        const llama_token token = left.data[left.selected].id;
        llama_sampler_accept(chain, token);
        std::vector<std::pair<llama_token, float>> kept;
        for (size_t i = 0; i < left.size; i++) {
            if (left.data[i].p > 0) kept.push_back({left.data[i].id, left.data[i].p});
        }
        std::sort(kept.begin(), kept.end());
        steps.push_back({{"token", token}, {"kept", kept}});
    }
    llama_sampler_free(chain);
    return steps;
}

// What DRY subtracts with a real vocabulary: `text` is the history, logits are 0.
json changes_of(const json & one, const std::string & folder) {
    const Vocabulary vocabulary(folder + "/" + one.at("tokenizer").get<std::string>() + ".gguf");
    const llama_vocab * vocab = llama_model_get_vocab(vocabulary.model);
    const std::string text = one.at("text");
    std::vector<llama_token> tokens(text.size() + 8);
    tokens.resize(llama_tokenize(vocab, text.data(), text.size(), tokens.data(), tokens.size(), false, false));
    llama_sampler * chain = dry(one, vocab);
    for (llama_token token : tokens) llama_sampler_accept(chain, token);
    std::vector<llama_token_data> data;
    for (llama_token id = 0; id < llama_vocab_n_tokens(vocab); id++) data.push_back({id, 0.0f, 0.0f});
    llama_token_data_array all = {data.data(), data.size(), -1, false};
    llama_sampler_apply(chain, &all);
    std::vector<std::pair<llama_token, float>> changed;
    for (const auto & one_of_all : data) {
        if (one_of_all.logit != 0) changed.push_back({one_of_all.id, one_of_all.logit});
    }
    llama_sampler_free(chain);
    return {{"history", tokens}, {"changed", changed}};
}

} // namespace

int main(int count, char ** arguments) try {
    if (count != 5) throw std::runtime_error("usage: samplers CASES VOCABULARIES LABEL OUT");
    llama_log_set([](ggml_log_level, const char *, void *) {}, nullptr);
    std::ifstream file(arguments[1]);
    std::ofstream out(arguments[4]);
    out << json{{"made_by", arguments[3]}}.dump() << '\n';
    for (const auto & one : json::parse(file)) {
        json result = {{"name", one.at("name")}};
        if (one.contains("text")) result.update(changes_of(one, arguments[2]));
        else result["steps"] = steps_of(one);
        out << result.dump() << '\n';
    }
    out.flush();
    if (!out) throw std::runtime_error(std::string("cannot write ") + arguments[4]);
    return 0;
} catch (const std::exception & error) {
    std::fprintf(stderr, "samplers: error: %s\n", error.what());
    return 2;
}
