"""Writes tiny SPLADE models with random weights, as sentence-transformers saves them,
and the vectors that it makes with them: golden.jsonl as in tiny_encoders.py, with a
number for each token of the vocabulary.

usage: tiny_splade.py FOLDER [NAME...], called by scripts/make-tiny-encoders
"""

import shutil
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from sentence_transformers import SparseEncoder
from tokenizers import Tokenizer

from tiny_encoders import base, byte_level, golden, network, wordpiece, write


def masked(cls, config_cls, config, seed):
    """Returns a config and tensors, each of those that are tied once."""
    config, tensors = network(cls, config_cls, config, seed)
    once = {tensor.data_ptr(): name for name, tensor in reversed(tensors.items())}
    return config, {name: tensors[name] for name in once.values()}


def bert(folder):
    made = wordpiece("[CLS]", "[SEP]", "[PAD]")
    config = base(made.get_vocab_size(), type_vocab_size=2, max_position_embeddings=64, hidden_act="gelu")
    config, tensors = masked(transformers.BertForMaskedLM, transformers.BertConfig, config, 21)
    write(folder, config, tensors, made, None, lasts=("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    return {}


def roberta(folder):
    made = byte_level("<s>", "</s>", ["<s>", "<pad>", "</s>", "<unk>", "<mask>"], roberta=True)
    config = base(made.get_vocab_size(), type_vocab_size=1, max_position_embeddings=130, pad_token_id=1,
                  layer_norm_eps=1e-5, hidden_act="gelu")
    config, tensors = masked(transformers.RobertaForMaskedLM, transformers.RobertaConfig, config, 22)
    write(folder, config, tensors, made, None, lasts=("<pad>", "<unk>", "<s>", "</s>", "<s>", "</s>"))
    return {"pooling_strategy": "sum"}


def modernbert(folder):
    made = byte_level("[CLS]", "[SEP]", ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], nfc=True)
    config = base(made.get_vocab_size(), max_position_embeddings=128, local_attention=8, hidden_activation="gelu",
                  pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3,
                  tie_word_embeddings=False)
    config["num_hidden_layers"] = 4
    config, tensors = masked(transformers.ModernBertForMaskedLM, transformers.ModernBertConfig, config, 23)
    write(folder, config, tensors, made, None, lasts=("[PAD]", "[UNK]", "[CLS]", "[SEP]"))
    return {"activation_function": "log1p_relu"}


def by_sparse_encoder(folder, plain, pooling):
    """Has the library save what it makes of a masked language model, and run that."""
    model = SparseEncoder(str(plain), device="cpu", model_kwargs={"attn_implementation": "eager"})
    for name, value in pooling.items():
        setattr(model[1], name, value)
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(str(folder), create_model_card=False)
    model = SparseEncoder(str(folder), device="cpu", model_kwargs={"attn_implementation": "eager"})
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(model.max_seq_length)

    def vectors(text):
        tokens = tokenizer.encode(text).ids
        with torch.no_grad():
            ids = torch.tensor([tokens])
            features = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            return tokens, model(features)["sentence_embedding"][0].double().tolist()

    return vectors


MODELS = {"splade-bert": bert, "splade-roberta": roberta, "splade-modernbert": modernbert}


def main():
    folder, wanted = Path(sys.argv[1]), sys.argv[2:]
    for name, make in MODELS.items():
        if not wanted or name in wanted:
            print(name, file=sys.stderr)
            with tempfile.TemporaryDirectory() as plain:
                pooling = make(Path(plain) / "model")
                golden(folder / name, by_sparse_encoder(folder / name, Path(plain) / "model", pooling))


if __name__ == "__main__":
    main()
