using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Platter.Trees.Toml;

/// <summary>A text in TOML 1.0 (https://toml.io/en/v1.0.0), read whole: a tree of tables, arrays and values, each with its place in the text.</summary>
/// <remarks>Time and memory grow in proportion to the text, whatever it holds; tables and arrays nest at most <see cref="MaxDepth"/> deep.</remarks>
public sealed class TomlDocument
{
    /// <summary>How deep tables and arrays may nest, and how many parts a dotted key may have. TOML names no limit; no text written by people comes near this one.</summary>
    public const int MaxDepth = 256;

    private TomlDocument(string sourceName, TomlTable root)
    {
        SourceName = sourceName;
        Root = root;
    }

    /// <summary>The name of the text, for messages.</summary>
    public string SourceName { get; }

    /// <summary>The table that all others are in.</summary>
    public TomlTable Root { get; }

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text; a byte order mark at its beginning is skipped.</param>
    /// <param name="sourceName">What messages call it, such as <c>spec.toml</c>.</param>
    /// <exception cref="TomlException">The text is not TOML 1.0.</exception>
    public static TomlDocument Parse(string text, string sourceName)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(sourceName);
        var cursor = new TomlCursor(text.StartsWith('\uFEFF') ? text[1..] : text, sourceName);
        cursor.RefuseLoneSurrogates();
        return Read(cursor, sourceName);
    }

    /// <summary>Reads a text in UTF-8.</summary>
    /// <inheritdoc cref="Parse(string, string)"/>
    public static TomlDocument Parse(ReadOnlySpan<byte> utf8, string sourceName)
    {
        ArgumentNullException.ThrowIfNull(sourceName);
        var text = utf8.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8;
        var units = new char[text.Length];   // UTF-8 never has fewer bytes than UTF-16 has units
        var status = Utf8.ToUtf16(text, units, out var read, out var written, replaceInvalidSequences: false);
        if (status != OperationStatus.Done)
        {
            var sound = new TomlCursor(new string(units, 0, written), sourceName);
            throw new TomlException(sound.EndPlace(), $"the byte 0x{text[read]:X2} is not UTF-8 here; TOML is always UTF-8");
        }
        return Read(new TomlCursor(new string(units, 0, written), sourceName), sourceName);
    }

    private static TomlDocument Read(TomlCursor cursor, string sourceName) => new(sourceName, new TomlParser(cursor).ReadDocument());
}
