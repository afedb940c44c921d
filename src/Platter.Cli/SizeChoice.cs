using Platter.Cli.Syntax;
using Platter.Trees;

namespace Platter.Cli;

/// <summary>The options by which a verb that fills an image lets one choose its length: given, or what the content needs and some room besides.</summary>
internal static class SizeChoice
{
    public static readonly Option Size = Option.Of("--size", "SIZE|auto", "of an image; auto, as without it, makes it fit the content");
    public static readonly Option Free = Option.Of("--free", "SIZE|N%", "with a size of auto: room to leave besides, 100M, or 10% of what the content needs");

    /// <summary>Both, for verbs that fill an image.</summary>
    public static Option[] All => [Size, Free];

    /// <summary>Bytes; null for what the content needs.</summary>
    public static long? Length(Session session) => session.Arguments.Text(Size) == "auto" ? null : session.Arguments.Size(Size);

    /// <summary>The room that is to be left.</summary>
    /// <exception cref="UsageException">It is none, or the length is given.</exception>
    public static FreeRoom Room(Session session)
    {
        if (session.Arguments.Text(Free) is not { } text)
            return FreeRoom.None;
        if (Length(session) is not null)
            throw new UsageException("--free is for --size auto: an image of a given size has what it has");
        try
        {
            return FreeRoom.Parse(text);
        }
        catch (FormatException e)
        {
            throw new UsageException($"--free: {e.Message}");
        }
    }
}
