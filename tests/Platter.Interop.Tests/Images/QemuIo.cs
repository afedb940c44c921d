using System.Globalization;
using System.Text;
using Platter.Testing;
using Xunit;

namespace Platter.Interop.Tests.Images;

/// <summary>Commands for qemu-io, run in one process; each is also done to a model, or compared with it.</summary>
internal sealed class QemuIo(string path, string format)
{
    private readonly StringBuilder _commands = new();
    private int _count;

    public void Write(long offset, int count, byte pattern) => Add($"write -q -P {pattern} {offset} {count}");

    public void WriteZeros(long offset, int count, bool unmap) => Add($"write -q -z {(unmap ? "-u " : "")}{offset} {count}");

    /// <summary>Expects a range to be of one byte.</summary>
    public void Read(long offset, int count, byte pattern) => Add($"read -q -P {pattern} {offset} {count}");

    public void Flush() => Add($"flush");

    /// <summary>Runs what was collected; fails the test when a read differs, or qemu complains of anything.</summary>
    public void Run(string what, bool readOnly = false)
    {
        var result = Tool.Run(null, Encoding.ASCII.GetBytes(_commands + "quit\n"), "qemu-io", readOnly ? ["-r", "-f", format, path] : ["-f", format, path]);
        var output = string.Join('\n', result.All.Split('\n').Select(l => l.Replace("qemu-io> ", "", StringComparison.Ordinal)).Where(l => l.Trim().Length > 0));
        Assert.True(result.ExitCode == 0 && output.Length == 0, $"{what}: qemu-io ended with {result.ExitCode} after {_count} commands: {output}");
        _commands.Clear();
        _count = 0;
    }

    private void Add(FormattableString command)
    {
        _commands.Append(command.ToString(CultureInfo.InvariantCulture)).Append('\n');
        _count++;
    }
}

/// <summary>What a disk should hold: whole units of one byte each.</summary>
internal sealed class DiskModel(long length, int unit)
{
    private readonly byte[] _units = new byte[(length + unit - 1) / unit];

    public int Unit => unit;
    public long Length => length;
    public int Count => (int)(length / unit);

    public byte this[int index] => _units[index];

    public void Fill(int first, int count, byte value) => _units.AsSpan(first, count).Fill(value);

    /// <summary>Runs of units that hold the same byte.</summary>
    public IEnumerable<(int First, int Count, byte Value)> Runs(int first, int count)
    {
        for (var end = first + count; first < end;)
        {
            var next = first + 1;
            while (next < end && _units[next] == _units[first])
                next++;
            yield return (first, next - first, _units[first]);
            first = next;
        }
    }
}
