namespace Platter.Cli.Completion;

/// <summary>What each shell needs so that it asks <c>platter __complete</c> for the words that fit.</summary>
internal static class CompletionScripts
{
    public static string? For(string shell) => shell switch
    {
        "bash" => Bash,
        "zsh" => Zsh,
        "fish" => Fish,
        "powershell" or "pwsh" => PowerShell,
        _ => null,
    };

    // Bash splits words at @, : and = too (COMP_WORDBREAKS): they are joined again first, and what the reader has typed up to the last
    // of them is cut off the answers.
    private const string Bash = """
        # platter completion for bash: eval "$(platter completion bash)"
        _platter() {
            local line=${COMP_LINE:0:COMP_POINT} words=() word i
            for ((i = 0; i <= COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [[ $i -eq 0 || $line == [[:space:]]* ]]; then
                    line=${line#"${line%%[![:space:]]*}"}
                    words+=("$word")
                else
                    words[${#words[@]}-1]+=$word
                fi
                line=${line#"$word"}
            done
            local cur=${words[${#words[@]}-1]} prefix candidate IFS=$'\n'
            prefix=${cur%"${cur##*[@:=]}"}
            COMPREPLY=()
            for candidate in $("${words[0]}" __complete "${words[@]:1}" 2>/dev/null | cut -f1); do
                candidate=${candidate#"$prefix"}
                [[ $candidate == */ ]] && compopt -o nospace
                COMPREPLY+=("$(printf '%q' "$candidate")")
            done
        }
        complete -F _platter platter

        """;

    private const string Zsh = """
        #compdef platter
        # platter completion for zsh: put this into a file _platter in a folder of $fpath, or eval "$(platter completion zsh)"
        _platter() {
            local -a lines plain folders
            local line
            lines=("${(@f)$(${words[1]} __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
            for line in $lines; do
                if [[ ${line%%$'\t'*} == */ ]]; then
                    folders+=("${line%%$'\t'*}")
                else
                    plain+=("${line%%$'\t'*}")
                fi
            done
            (( ${#plain} )) && compadd -- "${plain[@]}"
            (( ${#folders} )) && compadd -S '' -- "${folders[@]}"
        }
        if [[ $funcstack[1] == _platter ]]; then
            _platter "$@"
        else
            compdef _platter platter
        fi

        """;

    private const string Fish = """
        # platter completion for fish: platter completion fish > ~/.config/fish/completions/platter.fish
        function __platter_complete
            set -l words (commandline -opc)
            $words[1] __complete $words[2..-1] (commandline -ct) 2>/dev/null
        end
        complete -c platter -f -a '(__platter_complete)'

        """;

    // An empty word gets to a program as '' from PowerShell 7.3 on; those before drop it, and hand on "" where two quotes are typed.
    private const string PowerShell = """
        # platter completion for PowerShell: platter completion powershell | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName platter -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $words = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
                ForEach-Object { $_.ToString().Trim('"', "'") })
            if ($wordToComplete -eq '') {
                $words += if ("$PSNativeCommandArgumentPassing" -in '', 'Legacy') { '""' } else { '' }
            }
            & $commandAst.CommandElements[0].ToString() __complete @words 2>$null | ForEach-Object {
                $text, $help = $_ -split "`t", 2
                if (-not $help) { $help = $text }
                $quoted = if ($text -match '[\s''"$`;&|(){}<>,]') { "'" + ($text -replace "'", "''") + "'" } else { $text }
                [System.Management.Automation.CompletionResult]::new($quoted, $text, 'ParameterValue', $help)
            }
        }

        """;
}
