using System.Collections;
using System.Globalization;
using Platter.Blocks;
using Platter.Images;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>One image that qemu and Platter change in turns, and what must be in it.</summary>
/// <param name="path">The image.</param>
/// <param name="model">The bytes of its disk.</param>
/// <param name="seed">Of the changes.</param>
/// <param name="format">What qemu calls its container.</param>
internal sealed class QemuDuet(string path, byte[] model, int seed, string format = "qcow2")
{
    private readonly Random _random = new(seed);
    private int _next;

    public string Path => path;
    public byte[] Model => model;

    /// <summary>How many changes were made, by either.</summary>
    public int Changes { get; private set; }

    /// <summary>Random changes by qemu-io, all in one run of it.</summary>
    public void LetQemu(int count, bool compressed = false)
    {
        var commands = new List<string>();
        if (compressed)
            LetQemuCompress();
        for (var i = 0; i < count; i++)
        {
            var (offset, length) = Range(512);
            var kind = _random.Next(10);
            var pattern = (byte)(++_next % 255 + 1);
            switch (kind)
            {
                case 0:
                    commands.Add($"write -z {offset} {length}");
                    model.AsSpan(offset, length).Clear();
                    break;
                case 1:
                    commands.Add($"write -z -u {offset} {length}");
                    model.AsSpan(offset, length).Clear();
                    break;
                case 3:
                    commands.Add($"flush");
                    break;
                default:
                    commands.Add($"write -P {pattern} {offset} {length}");
                    model.AsSpan(offset, length).Fill(pattern);
                    break;
            }
        }
        Changes += count;
        var result = Tool.Run("qemu-io", ["-f", format, .. commands.SelectMany(c => new[] { "-c", c }), path]);
        Assert.True(result.ExitCode == 0 && !result.All.Contains("failed", StringComparison.Ordinal), result.All);
    }

    // qemu compresses only what it finds unallocated, and refuses otherwise.
    private void LetQemuCompress()
    {
        var cluster = ClusterSize();
        for (var i = 0; i < 3; i++)
        {
            var at = _random.Next(model.Length / cluster) * cluster;
            var pattern = (byte)(++_next % 255 + 1);
            if (!Tool.Run("qemu-io", "-f", "qcow2", "-c", $"write -c -P {pattern} {at} {cluster}", path).All.Contains("failed", StringComparison.Ordinal))
                model.AsSpan(at, cluster).Fill(pattern);
        }
    }

    private int ClusterSize()
    {
        using var file = File.OpenRead(path);
        file.Position = 23;
        return 1 << file.ReadByte();
    }

    /// <summary>Random changes by Platter, in several transactions, some of them dropped.</summary>
    public void LetPlatter(int count)
    {
        using var image = ImageFile.Open(path, ImageAccess.Edit);
        var disk = image.Device;
        Assert.Equal(model.Length, disk.Length);
        var committed = (byte[])model.Clone();
        var discarded = new BitArray(model.Length);         // the bytes that may be what they were or zeros, until the commit decides
        var fresh = new List<(int, int)>();
        for (var i = 0; i < count; i++)
        {
            var (offset, length) = Range(1);
            switch (_random.Next(12))
            {
                case 0:
                    disk.WriteZeros(offset, length);
                    model.AsSpan(offset, length).Clear();
                    Mark(discarded, offset, length, false);
                    break;
                case 1:
                    disk.Discard(offset, length);
                    Mark(discarded, offset, length, true);
                    break;
                case 2:
                    disk.Flush();
                    Settle(disk, discarded);
                    model.CopyTo(committed, 0);
                    fresh.Clear();
                    break;
                case 3 when i % 4 == 0:
                    disk.Rollback();
                    committed.CopyTo(model, 0);
                    discarded.SetAll(false);
                    foreach (var (at, size) in fresh)     // may stay
                        disk.Read(at, model.AsSpan(at, size));
                    break;
                case 4:
                    var read = new byte[length];
                    disk.Read(offset, read);
                    for (var j = 0; j < length; j++)
                        Assert.True(read[j] == model[offset + j] || (discarded[offset + j] && read[j] == 0), $"seed {seed}: {offset} {length}, byte {j}");
                    break;
                default:
                    var data = new byte[length];
                    _random.NextBytes(data);
                    data.CopyTo(model, offset);
                    Mark(discarded, offset, length, false);
                    if (_random.Next(3) != 0)
                    {
                        disk.Write(offset, data);
                        break;
                    }
                    disk.WriteFresh(offset, data);
                    fresh.Add((offset, length));
                    break;
            }
        }
        disk.Flush();
        Settle(disk, discarded);
        Changes += count;
    }

    private static void Mark(BitArray bytes, int offset, int length, bool value)
    {
        for (var i = offset; i < offset + length; i++)
            bytes[i] = value;
    }

    // After a commit what was discarded is one or the other, and stays so.
    private void Settle(BlockDevice disk, BitArray discarded)
    {
        if (!discarded.HasAnySet())
            return;
        var now = new byte[model.Length];
        disk.Read(0, now);
        for (var i = 0; i < now.Length; i++)
        {
            if (!discarded[i])
                continue;
            Assert.True(now[i] == 0 || now[i] == model[i], $"seed {seed}: byte {i}, discarded, became another");
            model[i] = now[i];
        }
        discarded.SetAll(false);
    }

    /// <summary>qemu finds nothing wrong, and both see what must be there.</summary>
    public void Verify(TempFolder folder)
    {
        QemuJudge.AssertClean(path, format);
        QemuJudge.AssertSame(path, model, folder, format);
    }

    private (int Offset, int Length) Range(int unit)
    {
        var length = _random.Next(8) switch { 0 => _random.Next(1, 500_000), 1 or 2 => _random.Next(1, 70_000), _ => _random.Next(1, 9000) };
        var offset = _random.Next(model.Length);
        length = Math.Min(length, model.Length - offset);
        if (unit > 1)
        {
            offset -= offset % unit;
            length = Math.Max(unit, length - length % unit);
        }
        return (offset, length);
    }
}

/// <summary>What qemu-img says of an image, and what Platter reads from it.</summary>
internal static class QemuJudge
{
    public static void AssertClean(string path, string format = "qcow2")
    {
        if (format != "vpc")       // of which qemu-img knows no check
        {
            var result = Tool.Run("qemu-img", "check", "-f", format, path);
            Assert.True(result.ExitCode == 0, result.All);
        }
        AssertSound(path);
    }

    /// <summary>Platter's own check alone.</summary>
    public static void AssertSound(string path)
    {
        using var image = ImageFile.Open(path, ImageAccess.Read);
        var report = new CheckReport();
        image.Container.Check(report);
        Assert.True(report.IsClean, string.Join('\n', report.Findings));
    }

    public static void AssertSame(string path, byte[] model, TempFolder folder, string format = "qcow2")
    {
        var raw = folder.File("model.img");
        File.WriteAllBytes(raw, model);
        var result = Tool.Run("qemu-img", "compare", "-f", format, "-F", "raw", path, raw);
        Assert.True(result.ExitCode == 0 && !result.All.Contains("mismatch", StringComparison.Ordinal), result.All);
        AssertReads(path, model);
    }

    public static void AssertReads(string path, byte[] model)
    {
        using var image = ImageFile.Open(path, ImageAccess.Read);
        AssertReads(image.Device, model, path);
    }

    public static void AssertReads(BlockDevice disk, byte[] model, string name)
    {
        Assert.Equal(model.Length, disk.Length);
        var found = new byte[model.Length];
        disk.Read(0, found);
        var same = found.AsSpan().CommonPrefixLength(model);
        Assert.True(same == model.Length, $"{name}: differs at {same}");
        // Outside of the allocated ranges there is nothing.
        var end = 0L;
        foreach (var range in disk.AllocatedRanges())
        {
            Assert.True(range.Offset >= end);
            Assert.True(model.AsSpan((int)end, (int)(range.Offset - end)).IndexOfAnyExcept((byte)0) < 0, string.Create(CultureInfo.InvariantCulture, $"{name}: {end}..{range.Offset} is no hole"));
            end = range.End;
        }
        Assert.True(model.AsSpan((int)end).IndexOfAnyExcept((byte)0) < 0);
    }
}
