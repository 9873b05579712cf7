// Asks llama.cpp what the tests compare with: next-token distributions over a
// fixed text, and greedy answers. Leaves building llama.cpp to build-oracle,
// the choice of models to make-goldens, and reading the files to
// crates/llm-engine/tests/support/golden.rs. The file format is described in
// tests/fixtures/golden/README.md.
//
//   golden teacher MODEL TEXT POSITIONS noisy|exact LABEL SHA256 OUT
//   golden answers MODEL PROMPTS LABEL OUT
//   golden logits MODEL TOKENS OUT [lora=FILE=SCALE...] POSITION...
//
// `logits` takes ids, one a line, and writes the raw logits of some positions
// as f32, for the tiny models of crates/llm-candle and crates/llm-engine.

#include "build-info.h"
#include "chat.h"
#include "common.h"
#include "llama.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

constexpr size_t kept = 64;           // best ids held for each position
constexpr uint32_t flag_exact = 1;    // values are raw logits, see the README
constexpr int chunk = 256;            // positions in one llama_decode
constexpr int threads = 2;
constexpr int answer_tokens = 64;

std::string read_file(const std::string & path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

struct Model {
    llama_model * model = nullptr;
    llama_context * context = nullptr;
    const llama_vocab * vocab = nullptr;

    // `exact`: f32 KV cache and plain attention; otherwise what llama.cpp's
    // users run, f16 KV and flash attention.
    Model(const std::string & path, int positions, bool exact) {
        model = llama_model_load_from_file(path.c_str(), llama_model_default_params());
        if (!model) throw std::runtime_error("llama.cpp cannot load " + path);
        vocab = llama_model_get_vocab(model);
        llama_context_params wanted = llama_context_default_params();
        wanted.n_ctx = positions;
        wanted.n_batch = wanted.n_ubatch = chunk;
        wanted.n_threads = wanted.n_threads_batch = threads;
        wanted.type_k = wanted.type_v = exact ? GGML_TYPE_F32 : GGML_TYPE_F16;
        wanted.flash_attn_type = exact ? LLAMA_FLASH_ATTN_TYPE_DISABLED : LLAMA_FLASH_ATTN_TYPE_ENABLED;
        context = llama_init_from_model(model, wanted);
        if (!context) throw std::runtime_error("llama.cpp cannot make a context for " + path);
    }

    ~Model() {
        llama_free(context);
        llama_model_free(model);
    }

    // Runs tokens at positions start.. of sequence 0; logits of all of them are
    // kept when `all`, else those of the last.
    void decode(const llama_token * tokens, int count, int start, bool all) {
        llama_batch batch = llama_batch_init(count, 0, 1);
        for (int i = 0; i < count; i++) {
            common_batch_add(batch, tokens[i], start + i, {0}, all || i == count - 1);
        }
        const int status = llama_decode(context, batch);
        llama_batch_free(batch);
        if (status != 0) throw std::runtime_error("llama_decode failed");
    }
};

// Little-endian by construction: the oracle is only built for such machines.
template <typename T> void put(std::ofstream & out, T value) {
    out.write(reinterpret_cast<const char *>(&value), sizeof value);
}

double log_sum_exp(const float * logits, size_t count) {
    const double top = *std::max_element(logits, logits + count);
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += std::exp(logits[i] - top);
    return top + std::log(sum);
}

std::vector<uint32_t> best_ids(const float * logits, size_t count) {
    std::vector<uint32_t> ids(count);
    std::iota(ids.begin(), ids.end(), 0u);
    // Equal logits go by the lower id, so that the file is the same every time.
    std::partial_sort(ids.begin(), ids.begin() + kept, ids.end(), [&](uint32_t a, uint32_t b) {
        return logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
    });
    ids.resize(kept);
    return ids;
}

// One position's record; returns the log-probability of `next` in nats.
double put_position(std::ofstream & out, const float * logits, size_t count, bool exact, int64_t next) {
    const double norm = log_sum_exp(logits, count);
    const double shift = exact ? 0 : norm;
    double held = 0;
    for (const uint32_t id : best_ids(logits, count)) {
        put<uint32_t>(out, id);
        put<float>(out, float(logits[id] - shift));
        held += std::exp(logits[id] - norm);
    }
    const double rest = std::log(std::max(1.0 - held, 1e-12));
    put<float>(out, float(exact ? norm : rest));
    const float none = std::numeric_limits<float>::quiet_NaN();
    put<float>(out, next < 0 ? none : float(logits[next] - shift));
    return next < 0 ? 0 : logits[next] - norm;
}

void put_header(std::ofstream & out, bool exact, const std::string & label, const std::string & sha256,
                const std::vector<llama_token> & tokens, size_t positions) {
    out.write("LLMGOLD1", 8);
    put<uint32_t>(out, exact ? flag_exact : 0);
    put<uint32_t>(out, uint32_t(label.size()));
    out.write(label.data(), std::streamsize(label.size()));
    for (size_t i = 0; i < 64; i += 2) {
        put<uint8_t>(out, uint8_t(std::stoi(sha256.substr(i, 2), nullptr, 16)));
    }
    put<uint32_t>(out, uint32_t(positions));
    put<uint32_t>(out, uint32_t(kept));
    for (size_t i = 0; i < positions; i++) put<uint32_t>(out, uint32_t(tokens[i]));
}

void teacher(const std::string & path, const std::string & text_path, int positions, bool exact,
             const std::string & label, const std::string & sha256, const std::string & out_path) {
    if (sha256.size() != 64) throw std::runtime_error("not a SHA-256: " + sha256);
    Model it(path, positions, exact);
    const auto tokens = common_tokenize(it.vocab, read_file(text_path), true, false);
    if (int(tokens.size()) < positions) throw std::runtime_error(text_path + " has too few tokens");
    std::ofstream out(out_path, std::ios::binary);
    put_header(out, exact, label, sha256, tokens, positions);
    const size_t vocab = llama_vocab_n_tokens(it.vocab);
    double sum = 0;
    for (int start = 0; start < positions; start += chunk) {
        const int count = std::min(chunk, positions - start);
        it.decode(tokens.data() + start, count, start, true);
        for (int i = 0; i < count; i++) {
            const int at = start + i;
            const int64_t next = at + 1 < positions ? tokens[at + 1] : -1;
            sum += put_position(out, llama_get_logits_ith(it.context, i), vocab, exact, next);
        }
    }
    if (!out.flush()) throw std::runtime_error("cannot write " + out_path);
    printf("%s: %d positions, perplexity %.4f\n", out_path.c_str(), positions, std::exp(-sum / (positions - 1)));
}

nlohmann::ordered_json answer(Model & it, common_chat_templates * templates, const std::string & prompt) {
    common_chat_templates_inputs inputs;
    common_chat_msg message;
    message.role = "user";
    message.content = prompt;
    inputs.messages.push_back(message);
    const std::string rendered = common_chat_templates_apply(templates, inputs).prompt;
    const auto asked = common_tokenize(it.vocab, rendered, true, true);
    llama_memory_clear(llama_get_memory(it.context), true);
    it.decode(asked.data(), int(asked.size()), 0, false);
    std::vector<llama_token> tokens;
    std::string text, reason = "length";
    const int vocab = llama_vocab_n_tokens(it.vocab);
    while (int(tokens.size()) < answer_tokens) {
        const float * logits = llama_get_logits_ith(it.context, -1);
        const auto best = llama_token(std::max_element(logits, logits + vocab) - logits);
        if (llama_vocab_is_eog(it.vocab, best)) {
            reason = "stop";
            break;
        }
        tokens.push_back(best);
        text += common_token_to_piece(it.vocab, best, false);
        it.decode(&best, 1, int(asked.size() + tokens.size()) - 1, false);
    }
    return {{"prompt", prompt}, {"rendered", rendered}, {"prompt_tokens", asked},
            {"tokens", tokens}, {"text", text},         {"finish_reason", reason}};
}

void answers(const std::string & path, const std::string & prompts, const std::string & label,
             const std::string & out_path) {
    Model it(path, 1024, false);
    const auto templates = common_chat_templates_init(it.model, "");
    std::istringstream lines(read_file(prompts));
    std::ofstream out(out_path);
    // An answer a line, so that a change shows as one line.
    out << "{\"made_by\": " << nlohmann::json(label).dump() << ",\n \"answers\": [";
    int count = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.empty()) continue;
        out << (count++ ? ",\n  " : "\n  ") << answer(it, templates.get(), line).dump();
    }
    out << "\n]}\n";
    if (!out.flush()) throw std::runtime_error("cannot write " + out_path);
    printf("%s: %d answers\n", out_path.c_str(), count);
}

// Takes the adapters from the front of the arguments.
void adapt(Model & it, std::vector<std::string> & arguments) {
    std::vector<llama_adapter_lora *> adapters;
    std::vector<float> scales;
    while (!arguments.empty() && arguments.front().rfind("lora=", 0) == 0) {
        const std::string one = arguments.front().substr(5);
        const size_t end = one.rfind('=');
        adapters.push_back(llama_adapter_lora_init(it.model, one.substr(0, end).c_str()));
        if (!adapters.back()) throw std::runtime_error("llama.cpp cannot load " + one);
        scales.push_back(std::stof(one.substr(end + 1)));
        arguments.erase(arguments.begin());
    }
    if (!adapters.empty() &&
        llama_set_adapters_lora(it.context, adapters.data(), adapters.size(), scales.data()) != 0) {
        throw std::runtime_error("llama_set_adapters_lora failed");
    }
}

void logits(const std::string & path, const std::string & ids, const std::string & out_path,
            std::vector<std::string> positions) {
    std::vector<llama_token> tokens;
    std::istringstream lines(read_file(ids));
    for (llama_token id; lines >> id;) tokens.push_back(id);
    const int total = int(tokens.size());
    Model it(path, total, true);
    adapt(it, positions);
    const size_t vocab = llama_vocab_n_tokens(it.vocab);
    std::vector<float> rows(tokens.size() * vocab);
    for (int start = 0; start < total; start += chunk) {
        const int count = std::min(chunk, total - start);
        it.decode(tokens.data() + start, count, start, true);
        for (int i = 0; i < count; i++) {
            const float * row = llama_get_logits_ith(it.context, i);
            std::copy(row, row + vocab, rows.begin() + (start + i) * vocab);
        }
    }
    std::ofstream out(out_path, std::ios::binary);
    for (const std::string & position : positions) {
        const float * row = rows.data() + size_t(std::stoi(position)) * vocab;
        for (size_t i = 0; i < vocab; i++) put<float>(out, row[i]);
    }
    if (!out.flush()) throw std::runtime_error("cannot write " + out_path);
}

}  // namespace

int main(int argc, char ** argv) {
    const std::vector<std::string> args(argv + 1, argv + argc);
    llama_log_set([](ggml_log_level level, const char * text, void *) {
        if (level == GGML_LOG_LEVEL_ERROR) fputs(text, stderr);
    }, nullptr);
    llama_backend_init();
    try {
        if (args.size() == 1 && args[0] == "commit") {
            printf("%s\n", llama_commit());
        } else if (args.size() == 8 && args[0] == "teacher") {
            teacher(args[1], args[2], std::stoi(args[3]), args[4] == "exact", args[5], args[6], args[7]);
        } else if (args.size() == 5 && args[0] == "answers") {
            answers(args[1], args[2], args[3], args[4]);
        } else if (args.size() > 4 && args[0] == "logits") {
            logits(args[1], args[2], args[3], {args.begin() + 4, args.end()});
        } else {
            throw std::runtime_error("usage: golden commit | teacher ... | answers ... | logits ... (see the top of golden.cpp)");
        }
    } catch (const std::exception & error) {
        fprintf(stderr, "golden: error: %s\n", error.what());
        return 2;
    }
    return 0;
}
