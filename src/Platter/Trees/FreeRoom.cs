using System.Globalization;
using Platter.Trees.Toml;

namespace Platter.Trees;

/// <summary>How much room a volume that fits its content is to have besides: a number of bytes, or a part of what the content needs.</summary>
/// <param name="Bytes">Bytes.</param>
/// <param name="PerMille">Thousandths of the length that just fits the content.</param>
public readonly record struct FreeRoom(long Bytes, int PerMille)
{
    private const int MostPercent = 10_000;

    /// <summary>None.</summary>
    public static FreeRoom None => default;

    public bool IsNone => Bytes == 0 && PerMille == 0;

    /// <summary>Reads <c>100M</c> or <c>10%</c> (up to one digit behind the point, up to 10000 %).</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static FreeRoom Parse(string text)
    {
        if (!text.EndsWith('%'))
            return new FreeRoom(ByteSize.TryParse(text, out var bytes) ? bytes : throw Refuse(text), 0);
        return decimal.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent)
            && percent <= MostPercent && percent * 10 == decimal.Truncate(percent * 10)
            ? new FreeRoom(0, (int)(percent * 10)) : throw Refuse(text);
    }

    /// <summary>Bytes that a volume is to have free, which without them would be <paramref name="fitting"/> bytes long.</summary>
    public long Of(long fitting) => checked(Bytes + (long)((Int128)fitting * PerMille / 1000));

    public override string ToString() => PerMille > 0 ? string.Create(CultureInfo.InvariantCulture, $"{PerMille / 10m}%") : ByteSize.Format(Bytes);

    private static FormatException Refuse(string text) => new($"{TomlCursor.Quote(text)} is no room to leave free: expected a size such as 100M, or a part such as 10%");
}
