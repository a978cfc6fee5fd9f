"""Completion scripts for shells.

They use click's completion protocols for fish and zsh. Bash uses that of fish, which passes the
line as typed: bash itself splits words at colons, and names of packages, storages and lists
contain colons.
"""

from __future__ import annotations

_BASH = r"""# Completion of debrepo for bash, from: debrepo completion bash
_debrepo() {
    local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT} item kind value prefix=
    local word=${line##*[^\\][[:space:]]}
    # Bash replaces the text after the last colon or equals sign, not the whole word.
    case $word in
        *["${COMP_WORDBREAKS//[^:=]/}"]*) prefix=${word%"${word##*[:=]}"} ;;
    esac
    COMPREPLY=()
    for item in $(_DEBREPO_COMPLETE=fish_complete COMP_WORDS=$line COMP_CWORD=$word \
        "$1" 2>/dev/null); do
        kind=${item%%,*} value=${item#*,}
        case $kind in
            dir) compopt -o dirnames 2>/dev/null ;;
            file) compopt -o default 2>/dev/null ;;
            plain)
                printf -v value %q "${value%%$'\t'*}"
                COMPREPLY+=("${value#"${prefix#--*=}"}")
                ;;
        esac
    done
}
complete -o nosort -F _debrepo debrepo
"""

_ZSH = r"""#compdef debrepo
# Completion of debrepo for zsh, from: debrepo completion zsh
_debrepo() {
    local -a names described answer
    local kind value help
    answer=("${(@f)$(_DEBREPO_COMPLETE=zsh_complete COMP_WORDS="${words[*]}" \
        COMP_CWORD=$((CURRENT - 1)) "${words[1]}" 2>/dev/null)}")
    for kind value help in "${answer[@]}"; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                if [[ $help == _ ]]; then names+=("$value"); else described+=("$value:$help"); fi
                ;;
        esac
    done
    (( $#described )) && _describe -V debrepo described
    (( $#names )) && compadd -V debrepo -a names
    return 0
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _debrepo "$@"
else
    compdef _debrepo debrepo
fi
"""

_FISH = r"""# Completion of debrepo for fish, from: debrepo completion fish
function __debrepo_complete
    set -l answer (_DEBREPO_COMPLETE=fish_complete COMP_WORDS=(commandline -cp) \
        COMP_CWORD=(commandline -ct) debrepo 2>/dev/null)
    for item in $answer
        set -l parts (string split -m 1 "," -- $item)
        switch $parts[1]
            case dir
                __fish_complete_directories (commandline -ct)
            case file
                __fish_complete_path (commandline -ct)
            case plain
                echo $parts[2]
        end
    end
end
complete --no-files --command debrepo --arguments "(__debrepo_complete)"
"""

#: By the name of the shell.
SCRIPTS = {"bash": _BASH, "fish": _FISH, "zsh": _ZSH}
