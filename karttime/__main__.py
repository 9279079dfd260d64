"""`python -m karttime` is the `karttime` command."""

from karttime.cli.main import main

if __name__ == "__main__":
    main()
