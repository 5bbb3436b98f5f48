"""Visual question answering with hard attention: `python main.py --help` says what it does."""

from hardvqa_tf.command_line.program import run_program

if __name__ == "__main__":
    run_program()
