using System.Security.Cryptography;
using System.Text;
using Platter.Cli.Syntax;
using Platter.Images;

namespace Platter.Cli;

/// <summary>How the command makes new images: the same bytes every time under SOURCE_DATE_EPOCH.</summary>
internal static class NewImages
{
    public static NewImageOptions Options(Session session) => new()
    {
        Format = Format(session.Arguments.Text(ContainerChoice.Format)),
        Overwrite = session.Force,
        NoSync = session.Arguments.Has(ContainerChoice.NoSync),
        Container = ContainerChoice.Options(session),
    };

    /// <summary>The container of this name; null for none given.</summary>
    public static ContainerFormat? Format(string? name) => name switch
    {
        null => null,
        _ => ContainerFormat.FromName(name) ?? throw new UsageException($"there is no container '{name}'", "there are raw, " + string.Join(", ", ContainerFormat.All.Select(f => f.Name))),
    };

    /// <summary>Identifier and date of a container, where they have to be the same every time.</summary>
    public static ContainerOptions? Container() => Session.Epoch is { } epoch
        ? new ContainerOptions { UniqueId = GuidOf($"container {epoch.UnixSeconds}"), Created = epoch.ToDateTimeOffset() }
        : null;

    /// <summary>GUIDs for partitions: random ones, or a fixed series under SOURCE_DATE_EPOCH.</summary>
    public static Func<Guid>? Guids(string seed)
    {
        if (Session.Epoch is not { } epoch)
            return null;
        var count = 0;
        return () => GuidOf($"{seed} {epoch.UnixSeconds} {count++}");
    }

    // RFC 9562, version 8: 122 bits of our own choice, here of a hash.
    private static Guid GuidOf(string text)
    {
        var bytes = SHA256.HashData(Encoding.UTF8.GetBytes("platter " + text)).AsSpan(0, 16);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x80);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return new Guid(bytes, bigEndian: true);
    }
}
