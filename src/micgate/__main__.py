"""`python -m micgate` is the `micgate` command."""

from micgate.cli.main import main

if __name__ == "__main__":
    main()
